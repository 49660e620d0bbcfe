package dev.granula.autograd;

import dev.granula.tensor.DType;
import dev.granula.tensor.DTypeException;
import dev.granula.tensor.DeviceException;
import dev.granula.tensor.GranulaException;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Compares the vector-Jacobian products of a function of variables with central differences {@code
 * sum over j of g[j] (y[j](x + h) - y[j](x - h)) / 2h}, in F64, for every element of every input
 * and a random upstream gradient g: a constant one would hide a Jacobian that is transposed or
 * whose rows sum to zero, as those of softmax do.
 *
 * <pre>{@code
 * Tensor x = Tensor.of(CpuDevice.reference(), new double[] {0.5, -1}, 2);
 * GradCheck.standard().check("silu", in -> in.get(0).silu(), x).orThrow();
 * }</pre>
 *
 * <p>Choose points that are more than {@code step} away from kinks (ReLU at 0), where no derivative
 * exists.
 *
 * @param seed of the upstream gradient
 * @param step h; a power of two makes x + h and x - h exact for most x
 * @param tolerance the largest {@code |backward - difference| / max(1, |backward|, |difference|)}
 */
public record GradCheck(long seed, double step, double tolerance) {
  private static final GradCheck STANDARD = new GradCheck(42, 0x1p-17, 1e-7);

  /**
   * One compared element.
   *
   * @param input number of the input
   * @param index its place in that input
   * @param backward the derivative that the backward pass gives
   * @param difference the one that central differences give
   * @param error their distance, relative to the larger one if that is above 1
   */
  public record Element(
      int input, List<Long> index, double backward, double difference, double error) {}

  /**
   * What a check found.
   *
   * @param worst the element with the largest error, or null if no input has elements
   * @param elements number of compared elements
   */
  public record Result(String name, GradCheck check, @Nullable Element worst, long elements) {
    public boolean passed() {
      return worst == null || worst.error <= check.tolerance;
    }

    /**
     * Returns this result.
     *
     * @throws GranulaException if the check failed
     */
    public Result orThrow() {
      if (!passed()) {
        throw new GranulaException(toString());
      }
      return this;
    }

    @Override
    public String toString() {
      if (worst == null) {
        return "gradCheck %s: no elements".formatted(name);
      }
      return String.format(
          Locale.ROOT,
          "gradCheck %s: %s: worst of %d: input %d at %s: backward %.12g, differences %.12g,"
              + " error %.2g, tolerance %.2g; seed %d, step %.2g",
          name,
          passed() ? "passed" : "gradients differ",
          elements,
          worst.input,
          worst.index,
          worst.backward,
          worst.difference,
          worst.error,
          check.tolerance,
          check.seed,
          check.step);
    }
  }

  /** Seed 42, step 2^-17, tolerance 1e-7: for smooth functions at points of size about 1. */
  public static GradCheck standard() {
    return STANDARD;
  }

  public GradCheck withSeed(long value) {
    return new GradCheck(value, step, tolerance);
  }

  public GradCheck withStep(double value) {
    return new GradCheck(seed, value, tolerance);
  }

  public GradCheck withTolerance(double value) {
    return new GradCheck(seed, step, value);
  }

  /**
   * Checks {@code function} at {@code inputs}: F64, of any strides that do not overlap, on a host
   * device. Their elements are moved one by one and put back. The function must be deterministic;
   * it runs 1 + 2n times for n elements.
   */
  public Result check(String name, Function<List<Variable>, Variable> function, Tensor... inputs) {
    List<Tensor> points = List.of(inputs);
    points.forEach(point -> checkPoint(name, point));
    try (Scope _ = points.getFirst().device().memory().scratch()) {
      List<Variable> leaves =
          points.stream().map(point -> Variable.temporary(point, true)).toList();
      Variable result = function.apply(leaves);
      Tensor upstream = upstream(result);
      if (result.requiresGrad()) {
        result.backward(upstream);
      }
      return compare(name, function, leaves, upstream.toDoubleArray());
    }
  }

  private Tensor upstream(Variable result) {
    if (result.dtype() != DType.F64) {
      throw new DTypeException(
          "gradCheck: the result must be F64, it is %s; differences drown in the rounding of others"
              .formatted(result.dtype()));
    }
    return new RandomStream(seed).uniform(result.device(), DType.F64, result.shape(), -1, 1);
  }

  private Result compare(
      String name, Function<List<Variable>, Variable> function, List<Variable> leaves, double[] g) {
    List<Variable> points = leaves.stream().map(Variable::detach).toList();
    Element worst = null;
    long elements = 0;
    for (int input = 0; input < leaves.size(); input++) {
      double[] backward = gradient(leaves.get(input));
      Tensor point = points.get(input).data();
      for (int i = 0; i < backward.length; i++) {
        double difference = difference(function, points, point, point.position(i), g);
        double error = error(backward[i], difference);
        if (worst == null || error > worst.error) {
          worst = new Element(input, index(point.shape(), i), backward[i], difference, error);
        }
        elements++;
      }
    }
    return new Result(name, this, worst, elements);
  }

  private static double[] gradient(Variable leaf) {
    Tensor gradient = leaf.grad();
    int count = Math.toIntExact(leaf.shape().elementCount());
    return gradient == null ? new double[count] : gradient.toDoubleArray();
  }

  /** A NaN anywhere is as wrong as can be, also where both sides have one. */
  private static double error(double backward, double difference) {
    double size = Math.max(1, Math.max(Math.abs(backward), Math.abs(difference)));
    double error = Math.abs(backward - difference) / size;
    return Double.isNaN(error) ? Double.POSITIVE_INFINITY : error;
  }

  private double difference(
      Function<List<Variable>, Variable> function,
      List<Variable> points,
      Tensor point,
      long position,
      double[] g) {
    double x = point.load(position);
    double[] above;
    double[] below;
    try {
      point.store(position, x + step);
      above = value(function, points);
      point.store(position, x - step);
      below = value(function, points);
    } finally {
      point.store(position, x);
    }
    double sum = 0;
    for (int j = 0; j < g.length; j++) {
      sum += g[j] * (above[j] - below[j]);
    }
    return sum / ((x + step) - (x - step));
  }

  private static double[] value(
      Function<List<Variable>, Variable> function, List<Variable> points) {
    try (Scope _ = points.getFirst().device().memory().scratch()) {
      return function.apply(points).data().toDoubleArray();
    }
  }

  private static List<Long> index(Shape shape, long element) {
    Long[] index = new Long[shape.rank()];
    for (int d = shape.rank() - 1; d >= 0; d--) {
      index[d] = element % shape.dim(d);
      element /= shape.dim(d);
    }
    return new ArrayList<>(Arrays.asList(index));
  }

  private static void checkPoint(String name, Tensor point) {
    if (point.dtype() != DType.F64) {
      throw new DTypeException(
          "gradCheck %s: inputs must be F64, this is %s".formatted(name, point));
    }
    if (!point.device().isHost()) {
      throw new DeviceException(
          "gradCheck %s: inputs must be in host memory: %s".formatted(name, point));
    }
    for (int d = 0; d < point.shape().rank(); d++) {
      if (point.stride(d) == 0 && point.shape().dim(d) > 1) {
        throw new ShapeException(
            "gradCheck %s: elements share memory: %s with strides %s; copy it first"
                .formatted(name, point.shape(), Arrays.toString(point.strides())));
      }
    }
  }
}
