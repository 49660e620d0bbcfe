// AdamW over up to eight tensors in a launch: block (x, y) takes elements of tensor y. The
// corrections are 1 - beta^step.

struct AdamWTensors {
  View parameter[8];
  View gradient[8];
  View first[8];
  View second[8];
  i64 count[8];
};

struct AdamWNumbers {
  double learningRate;
  double beta1;
  double beta2;
  double eps;
  double decay;
  double correction1;
  double correction2;
};

extern "C" __global__ void adamW(AdamWTensors tensors, AdamWNumbers numbers, const real* gradScale) {
  int y = blockIdx.y;
  real scale = *gradScale;
  real beta1 = (real)numbers.beta1;
  real beta2 = (real)numbers.beta2;
  real rest1 = (real)(1 - numbers.beta1);
  real rest2 = (real)(1 - numbers.beta2);
  real keep = (real)(1 - numbers.learningRate * numbers.decay);
  real rate = (real)(numbers.learningRate / numbers.correction1);
  real root = (real)(1 / numbers.correction2);
  for (i64 i = globalThread(); i < tensors.count[y]; i += (i64)gridDim.x * THREADS) {
    real g = scale * *at<real>(tensors.gradient[y], i);
    real* p = at<real>(tensors.parameter[y], i);
    real* m = at<real>(tensors.first[y], i);
    real* v = at<real>(tensors.second[y], i);
    real first = beta1 * *m + rest1 * g;
    real second = beta2 * *v + rest2 * g * g;
    *p = keep * *p - rate * first / (sqrtOf(second * root) + (real)numbers.eps);
    *m = first;
    *v = second;
  }
}
