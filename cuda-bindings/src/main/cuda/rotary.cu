// Rotary position embedding: one thread turns one pair (x[i], x[i + half]).

#define ROTARY 4

struct Heads {
  real* data;
  i64 batch;
  i64 time;
  i64 head;
  i64 element;
};

__device__ inline real ofTable(const Rows& table, int position, int i) {
  return ((const real*)table.rows.data)[position * table.rows.stride[0] + i * table.stride];
}

extern "C" __global__ void rotary(
    Heads x,
    View positions,
    Rows cosines,
    Rows sines,
    i64 pairs,
    int time,
    int heads,
    int half,
    i64 table,
    int inverse,
    Heads out,
    int add,
    Fault* fault) {
  i64 thread = globalThread();
  if (thread >= pairs) {
    return;
  }
  int i;
  int head;
  int t;
  i64 token = divide(divide(thread, half, &i), heads, &head);
  int position = *at<int>(positions, token);
  if (outside(fault, ROTARY, position, table)) {
    return;
  }
  i64 b = divide(token, time, &t);
  real c = ofTable(cosines, position, i);
  real s = ofTable(sines, position, i);
  s = inverse ? -s : s;
  const real* from = x.data + b * x.batch + t * x.time + head * x.head;
  real* to = out.data + b * out.batch + t * out.time + head * out.head;
  real first = from[i * x.element];
  real second = from[(i + half) * x.element];
  put(to + i * out.element, first * c - second * s, add);
  put(to + (i + half) * out.element, second * c + first * s, add);
}
