package dev.granula.autograd;

import static dev.granula.tensor.expression.Expression.constant;
import static dev.granula.tensor.expression.Expression.input;
import static dev.granula.tensor.expression.Expression.scalar;

import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.util.List;

/**
 * A seed and a position in its stream of counter-based random numbers. Saving and restoring the
 * position repeats the numbers exactly.
 */
public final class RandomStream {
  private static final long WORDS_PER_BLOCK = 4;

  /** Elements that {@link #fillNormal} makes at a time: even, so that no block is split. */
  private static final long NORMAL_PIECE = 1 << 20;

  /**
   * cos(2 pi v) for v in [0, 1), by powers of (v - 1/2)^2: the polynomial through the Chebyshev
   * points, off by at most 1.2e-10.
   */
  private static final double[] COSINE = {
    -0.9999999998855542,
    19.73920874345396,
    -64.93938907589506,
    85.45665831482494,
    -60.2421313385247,
    26.404668187647747,
    -7.800131436452367,
    1.4531123125159928
  };

  // mean + deviation sqrt(-2 log(1 - u)) cos(2 pi v); 1 - u is never 0
  private static final Expression NORMAL =
      scalar(0)
          .add(scalar(1).mul(constant(1).sub(input(0)).log().mul(-2).sqrt()).mul(cosine(input(1))));

  private final long seed;
  private long position;

  private static Expression cosine(Expression v) {
    Expression half = v.sub(constant(0.5));
    Expression square = half.mul(half);
    Expression sum = constant(COSINE[COSINE.length - 1]);
    for (int i = COSINE.length - 2; i >= 0; i--) {
      sum = sum.mul(square).add(COSINE[i]);
    }
    return sum;
  }

  public RandomStream(long seed) {
    this.seed = seed;
  }

  public long seed() {
    return seed;
  }

  /** Number of the next unused block of four numbers. */
  public long position() {
    return position;
  }

  public void seek(long target) {
    position = target;
  }

  /** Reserves numbers for {@code count} elements and returns the first block. */
  public long take(long count) {
    long first = position;
    position += (count + WORDS_PER_BLOCK - 1) / WORDS_PER_BLOCK;
    return first;
  }

  /** A tensor of the current step, uniform in [low, high). */
  public Tensor uniform(Device device, DType dtype, Shape shape, double low, double high) {
    Tensor result = Tensor.empty(device, dtype, shape);
    fillUniform(result, low, high);
    return result;
  }

  /** Overwrites {@code target} with numbers uniform in [low, high). */
  public void fillUniform(Tensor target, double low, double high) {
    target.backend().uniform(seed, take(target.elementCount()), target);
    Expression scaled = Expression.input(0).mul(Expression.scalar(0)).add(Expression.scalar(1));
    double[] scalars = {high - low, low};
    target.backend().evaluate(scaled, List.of(target), scalars, target, Write.SET);
  }

  /**
   * Overwrites {@code target}, row-major and of any floating type, with normal numbers by the
   * Box-Muller transform. Goes through it in pieces, so that a large one needs no second copy.
   */
  public void fillNormal(Tensor target, double mean, double deviation) {
    Tensor flat = target.reshape(target.elementCount());
    for (long from = 0; from < flat.elementCount(); from += NORMAL_PIECE) {
      long to = Math.min(flat.elementCount(), from + NORMAL_PIECE);
      try (Scope _ = target.device().memory().scratch()) {
        fillPiece(flat.slice(0, from, to), mean, deviation);
      }
    }
  }

  /**
   * Element i is made of the numbers 2 i and 2 i + 1: u in [0, 1) gives the length, v the angle.
   */
  private void fillPiece(Tensor target, double mean, double deviation) {
    Device device = target.device();
    DType type = target.dtype() == DType.F64 ? DType.F64 : DType.F32;
    Shape shape = target.shape();
    Tensor pairs = Tensor.empty(device, type, Shape.of(shape.elementCount(), 2));
    device.backend().uniform(seed, take(pairs.elementCount()), pairs);
    Tensor drawn = target.dtype() == type ? target : Tensor.empty(device, type, shape);
    List<Tensor> in = List.of(pairs.slice(1, 0, 1), pairs.slice(1, 1, 2));
    double[] scalars = {mean, deviation};
    device.backend().evaluate(NORMAL, in, scalars, drawn.unsqueeze(1), Write.SET);
    if (drawn != target) {
      device.backend().copy(drawn, target);
    }
  }
}
