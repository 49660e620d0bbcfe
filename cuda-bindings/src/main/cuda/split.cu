// Terms of BF16 that together are an F32: each is what the ones before leave, rounded to nearest.
// Three hold all 24 bits. Term t of pack i lies at pack t * packs + i. What is not finite, or rounds
// to infinity, is in the first term alone.
extern "C" __global__ void split(View in, bf16* out, i64 packs, int terms) {
  i64 i = globalThread();
  if (i >= packs) {
    return;
  }
  Pack<float, WIDTH> rest = *pack<float, WIDTH>(in, i);
  for (int t = 0; t < terms; t++) {
    Pack<bf16, WIDTH> term;
#pragma unroll
    for (int e = 0; e < WIDTH; e++) {
      store(&term.at[e], rest.at[e]);
      float value = valueOf(term.at[e]);
      rest.at[e] = value - value == 0 ? rest.at[e] - value : 0;
    }
    *pack<bf16, WIDTH>(out, t * packs + i) = term;
  }
}
