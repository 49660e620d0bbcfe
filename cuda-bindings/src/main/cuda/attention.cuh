// What the two variants of causal attention share.

// [B, T, H, D] with unit stride in D; lse and delta are [B, H, T] and have no elements.
struct Heads {
  real* data;
  i64 batch;
  i64 time;
  i64 head;
};

struct Problem {
  Heads q;
  Heads k;
  Heads v;
  int* firstKey;
  i64 firstKeyBatch;
  i64 firstKeyTime;
  int queries;
  int keys;
  int heads;
  int groups;
  double scale;
};

__device__ inline real* at(const Heads& t, i64 b, i64 time, i64 head) {
  return t.data + b * t.batch + time * t.time + head * t.head;
}

__device__ inline int firstVisible(const Problem& p, i64 b, int t) {
  int first = p.firstKey ? p.firstKey[b * p.firstKeyBatch + t * p.firstKeyTime] : 0;
  return first < 0 ? 0 : first;
}

// Keys of queries before end end here.
__device__ inline int lastKeys(const Problem& p, int end) {
  return p.keys - p.queries + (end < p.queries ? end : p.queries);
}
