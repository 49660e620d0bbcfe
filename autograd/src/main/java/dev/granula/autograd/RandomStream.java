package dev.granula.autograd;

import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Philox;
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
  private final long seed;
  private long position;

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

  /** Overwrites {@code target} with normal numbers, by the Box-Muller transform on the host. */
  public void fillNormal(Tensor target, double mean, double deviation) {
    int count = Math.toIntExact(target.elementCount());
    long first = take(2L * count);
    int[] words = new int[4];
    double[] values = new double[count];
    for (int i = 0; i < count; i++) {
      if (i % 2 == 0) {
        Philox.block(seed, first + i / 2, words);
      }
      double u = 1 - Philox.unit(words[i % 2 * 2]);
      double v = Philox.unit(words[i % 2 * 2 + 1]);
      values[i] = mean + deviation * Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
    }
    Tensor drawn = Tensor.of(target.device(), values, target.shape().toArray());
    target.backend().copy(drawn, target);
  }
}
