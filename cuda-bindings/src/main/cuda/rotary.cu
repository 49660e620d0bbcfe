// Rotary position embedding: one thread turns one pair (x[i], x[i + half]).

#define ROTARY 4

struct Heads {
  real* data;
  i64 batch;
  i64 time;
  i64 head;
  i64 element;
};

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
  int i = (int)(thread % half);
  i64 rest = thread / half;
  int head = (int)(rest % heads);
  i64 token = rest / heads;
  int position = *at<int>(positions, token);
  if (outside(fault, ROTARY, position, table)) {
    return;
  }
  i64 b = token / time;
  i64 t = token % time;
  real c = row<real>(cosines, position)[i * cosines.stride];
  real s = row<real>(sines, position)[i * sines.stride];
  s = inverse ? -s : s;
  const real* from = x.data + b * x.batch + t * x.time + head * x.head;
  real* to = out.data + b * out.batch + t * out.time + head * out.head;
  real first = from[i * x.element];
  real second = from[(i + half) * x.element];
  put(to + i * out.element, first * c - second * s, add);
  put(to + (i + half) * out.element, second * c + first * s, add);
}
