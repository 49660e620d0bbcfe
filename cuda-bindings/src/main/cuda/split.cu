// Terms of BF16 that together are an F32: each is what the ones before leave, rounded to nearest.
// Three hold all 24 bits. Term t of element i lies at t * count + i. What is not finite, or rounds
// to infinity, is in the first term alone.
extern "C" __global__ void split(View in, bf16* out, i64 count, int terms) {
  i64 i = globalThread();
  if (i >= count) {
    return;
  }
  float rest = *at<float>(in, i);
  for (int t = 0; t < terms; t++) {
    bf16* term = out + t * count + i;
    store(term, rest);
    float value = valueOf(*term);
    rest = value - value == 0 ? rest - value : 0;
  }
}
