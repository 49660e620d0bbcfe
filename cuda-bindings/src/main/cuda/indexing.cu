// Rows of a table by index. TABLE is the element type of the table.

#define GATHER 1
#define SCATTER_ADD 2

extern "C" __global__ void gather(Rows table, View ids, Rows out, i64 vocabulary, Fault* fault) {
  int id = *at<int>(ids, blockIdx.x);
  if (outside(fault, GATHER, id, vocabulary)) {
    return;
  }
  const TABLE* from = row<TABLE>(table, id);
  real* to = row<real>(out, blockIdx.x);
  for (i64 d = threadIdx.x; d < out.size; d += THREADS) {
    to[d * out.stride] = (real)valueOf(from[d * table.stride]);
  }
}

// Blocks along y share the ids by their remainder, so that each row of the table is added to by
// one thread per column, in order of n, and the result is the same at every run.
extern "C" __global__ void scatterAdd(Rows g, View ids, i64 count, Rows out, i64 vocabulary, Fault* fault) {
  i64 d = globalThread();
  for (i64 n = 0; n < count; n++) {
    int id = *at<int>(ids, n);
    if ((unsigned)id % gridDim.y != blockIdx.y || outside(fault, SCATTER_ADD, id, vocabulary)) {
      continue;
    }
    if (d < out.size) {
      row<real>(out, id)[d * out.stride] += row<real>(g, n)[d * g.stride];
    }
  }
}
