package dev.granula.gralora;

import dev.granula.autograd.RandomStream;
import dev.granula.nn.Linear;
import dev.granula.nn.Parameter;
import dev.granula.tensor.DType;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import java.util.List;

/** What the low-rank methods share: rules of their settings and the drawing of initial values. */
final class LowRank {
  private LowRank() {}

  static void checkCommon(int rank, double alpha, double dropout, List<String> problems) {
    if (rank <= 0) {
      problems.add("`r` should be a positive integer value but the value passed is " + rank);
    }
    if (!(dropout >= 0 && dropout < 1)) {
      problems.add("dropout probability has to be at least 0 and below 1, but got " + dropout);
    }
    if (!(alpha > 0) || Double.isInfinite(alpha)) {
      problems.add("alpha should be a positive number, but got " + alpha);
    }
  }

  /**
   * Uniform in [-bound, bound): torch's kaiming_uniform with a = sqrt(5) has bound 1/sqrt(fan in).
   */
  static Parameter uniform(Linear base, RandomStream random, double bound, long... dims) {
    Parameter parameter = empty(base, dims);
    random.fillUniform(parameter.data(), -bound, bound);
    return parameter;
  }

  static Parameter zeros(Linear base, long... dims) {
    Parameter parameter = empty(base, dims);
    parameter.data().backend().fill(parameter.data(), 0);
    return parameter;
  }

  /** Adapters are F32 also over a BF16 base; F64 over an F64 base, for exact checks. */
  private static Parameter empty(Linear base, long... dims) {
    Tensor weight = base.weight().data();
    DType dtype = weight.dtype() == DType.F64 ? DType.F64 : DType.F32;
    return Parameter.adapter(Tensor.emptyPersistent(weight.device(), dtype, Shape.of(dims)));
  }
}
