package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.expression.Expression.constant;
import static dev.granula.tensor.expression.Expression.input;
import static dev.granula.tensor.expression.Expression.scalar;

import dev.granula.tensor.Philox;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Counter-based random numbers for contiguous F32 tensors, piece by piece. */
final class SimdRandom {
  private static final int WORDS = 4;

  /** x, u. */
  private static final Expression DROPOUT =
      input(1).selectIfLess(scalar(0), constant(0), input(0).div(scalar(1)));

  /** Numbers that are drawn in the plain form before vectors are worth their compilation. */
  private static final long PLAIN_NUMBERS = 4 * Simd.PLAIN_ELEMENTS;

  private final Context context;
  private long drawn;

  SimdRandom(Context context) {
    this.context = context;
  }

  /** False, and nothing done, if {@code out} is not contiguous F32. */
  boolean uniform(long seed, long counter, Tensor out) {
    List<Tensor> list = List.of(out);
    if (!Pieces.supports(list)) {
      return false;
    }
    Pieces pieces = Pieces.of(list);
    boolean vectors = areVectorsDue(out.elementCount());
    context
        .workers()
        .run(
            pieces.count(),
            (task, _) -> {
              Rows piece = pieces.rows(list, task);
              long start = counter + (long) task * Chunks.ELEMENTS / WORDS;
              fill(vectors, seed, start, piece.memory, piece.bytes(0), piece.width);
            });
    return true;
  }

  boolean dropout(Tensor x, double probability, long seed, long counter, Tensor out, Write write) {
    List<Tensor> in = List.of(x);
    List<Tensor> list = List.of(out);
    if (!Pieces.supports(in) || !Pieces.supports(list)) {
      return false;
    }
    Pieces pieces = Pieces.of(list);
    Loop loop = context.loops().get(DROPOUT, Store.of(write));
    double[] scalars = {atLeast(probability), 1 - probability};
    boolean vectors = areVectorsDue(out.elementCount());
    context
        .workers()
        .run(
            pieces.count(),
            (task, worker) -> {
              Rows target = pieces.rows(list, task);
              MemorySegment units = context.scratch().row(worker, 0);
              long start = counter + (long) task * Chunks.ELEMENTS / WORDS;
              fill(vectors, seed, start, units, 0, target.width);
              Rows u = new Rows(units, 0, new long[] {1}, new long[1], target.width);
              new Pass(loop, scalars, pieces.rows(in, task), u).store(0, target);
            });
    return true;
  }

  /** The smallest F32 that is not below {@code probability}: no F32 lies between the two. */
  private static double atLeast(double probability) {
    float rounded = (float) probability;
    return rounded < probability ? Math.nextUp(rounded) : rounded;
  }

  private boolean areVectorsDue(long numbers) {
    boolean due = drawn >= PLAIN_NUMBERS;
    drawn += numbers;
    return due;
  }

  private static void fill(
      boolean vectors, long seed, long counter, MemorySegment out, long at, int n) {
    int[] words = new int[WORDS];
    int first = vectors ? PhiloxVectors.fill(seed, counter, out, at, n) : 0;
    for (int i = first; i < n; i += WORDS) {
      Philox.block(seed, counter + i / WORDS, words);
      for (int w = 0; w < Math.min(WORDS, n - i); w++) {
        out.set(ValueLayout.JAVA_FLOAT, at + 4L * (i + w), Philox.unit(words[w]));
      }
    }
  }
}
