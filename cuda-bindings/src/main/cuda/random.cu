// Philox4x32-10: the number at a position depends on the seed and the position alone. One thread
// draws the four words of one block.

struct Words {
  unsigned word[4];
};

__device__ inline Words philox(unsigned long long seed, unsigned long long counter) {
  unsigned c0 = (unsigned)counter;
  unsigned c1 = (unsigned)(counter >> 32);
  unsigned c2 = 0;
  unsigned c3 = 0;
  unsigned k0 = (unsigned)seed;
  unsigned k1 = (unsigned)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    unsigned long long p0 = 0xD2511F53ULL * c0;
    unsigned long long p1 = 0xCD9E8D57ULL * c2;
    c0 = (unsigned)(p1 >> 32) ^ c1 ^ k0;
    c1 = (unsigned)p1;
    c2 = (unsigned)(p0 >> 32) ^ c3 ^ k1;
    c3 = (unsigned)p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  Words words = {{c0, c1, c2, c3}};
  return words;
}

// The upper 24 bits, exact in F32.
__device__ inline float unitOf(unsigned word) { return (float)(word >> 8) * 0.000000059604644775390625f; }

extern "C" __global__ void uniform(i64 seed, i64 counter, View out, i64 count) {
  i64 block = globalThread();
  Words words = philox((unsigned long long)seed, (unsigned long long)(counter + block));
  for (int w = 0; w < 4 && block * 4 + w < count; w++) {
    *at<real>(out, block * 4 + w) = (real)unitOf(words.word[w]);
  }
}

extern "C" __global__ void dropout(
    View x, double probability, i64 seed, i64 counter, View out, i64 count, int add) {
  i64 block = globalThread();
  Words words = philox((unsigned long long)seed, (unsigned long long)(counter + block));
  real scale = (real)(1 / (1 - probability));
  for (int w = 0; w < 4 && block * 4 + w < count; w++) {
    i64 i = block * 4 + w;
    real y = unitOf(words.word[w]) < probability ? (real)0 : *at<real>(x, i) * scale;
    put(at<real>(out, i), y, add);
  }
}
