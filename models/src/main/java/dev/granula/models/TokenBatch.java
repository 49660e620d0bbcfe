package dev.granula.models;

import dev.granula.tensor.Device;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Token sequences of one length, in the memory of the current step. Padding on the right needs no
 * mask: causality hides it from what stands before, and its targets are {@link #IGNORED}.
 *
 * @param ids I32 [B, T]
 * @param positions I32 [B, T], for the rotary embedding; packed samples count from 0 each
 * @param targets I32 [B, T] like Hugging Face's labels: the target at t is the token at t, and the
 *     loss compares it with the prediction at t - 1. {@link #IGNORED} where nothing is asked, which
 *     must include the first token of each packed sample
 * @param firstKey I32 [B, T], the first index that each token may see, or null for 0; keeps packed
 *     samples apart and hides padding on the left
 * @param largestId the largest token id
 * @param largestPosition the largest position
 * @param targetCount how many targets the loss counts
 */
public record TokenBatch(
    Tensor ids,
    Tensor positions,
    Tensor targets,
    @Nullable Tensor firstKey,
    int largestId,
    int largestPosition,
    long targetCount) {
  /** A target that the loss leaves out, as in PyTorch. */
  public static final int IGNORED = -100;

  /** Sequences that are each one sample; {@code targets} like Hugging Face's labels. */
  public static TokenBatch of(Device device, int[][] ids, int[][] targets) {
    return of(device, ids, countingPositions(ids), targets, null);
  }

  /** Sequences to be continued: no targets. */
  public static TokenBatch of(Device device, int[][] ids) {
    return of(device, ids, countingPositions(ids), null, null);
  }

  /**
   * Sequences with everything said; all arrays are [B][T]. No targets means {@link #IGNORED}
   * everywhere.
   *
   * @throws ShapeException if rows differ in length or an id or position is negative
   */
  public static TokenBatch of(
      Device device,
      int[][] ids,
      int[][] positions,
      int @Nullable [][] targets,
      int @Nullable [][] firstKey) {
    int[][] given = targets == null ? ignored(ids) : targets;
    return new TokenBatch(
        tensor(device, "ids", ids, ids),
        tensor(device, "positions", positions, ids),
        tensor(device, "targets", given, ids),
        firstKey == null ? null : tensor(device, "first keys", firstKey, ids),
        largest("id", ids),
        largest("position", positions),
        countTargets(given));
  }

  /** Sequences, B. */
  public long batchSize() {
    return ids.shape().dim(0);
  }

  /** Tokens per sequence, T. */
  public long length() {
    return ids.shape().dim(1);
  }

  private static int[][] countingPositions(int[][] ids) {
    int[][] positions = new int[ids.length][];
    for (int b = 0; b < ids.length; b++) {
      positions[b] = new int[ids[b].length];
      Arrays.setAll(positions[b], t -> t);
    }
    return positions;
  }

  private static int[][] ignored(int[][] ids) {
    int[][] targets = new int[ids.length][];
    for (int b = 0; b < ids.length; b++) {
      targets[b] = new int[ids[b].length];
      Arrays.fill(targets[b], IGNORED);
    }
    return targets;
  }

  private static Tensor tensor(Device device, String what, int[][] rows, int[][] ids) {
    int length = ids.length == 0 ? 0 : ids[0].length;
    boolean fits = rows.length == ids.length && length > 0;
    for (int[] row : rows) {
      fits &= row.length == length;
    }
    if (!fits) {
      throw new ShapeException(
          "token batch: %s must be %d rows of %d, at least one of each: the rows have %s"
              .formatted(
                  what,
                  ids.length,
                  length,
                  Arrays.toString(Arrays.stream(rows).mapToInt(row -> row.length).toArray())));
    }
    int[] flat = Arrays.stream(rows).flatMapToInt(Arrays::stream).toArray();
    return Tensor.of(device, flat, rows.length, length);
  }

  /** The first token of a row has nothing before it that could predict it. */
  private static long countTargets(int[][] targets) {
    return Arrays.stream(targets)
        .flatMapToInt(row -> Arrays.stream(row).skip(1))
        .filter(target -> target >= 0)
        .count();
  }

  private static int largest(String what, int[][] rows) {
    int largest = 0;
    for (int[] row : rows) {
      for (int value : row) {
        if (value < 0) {
          throw new ShapeException("token batch: negative %s %d".formatted(what, value));
        }
        largest = Math.max(largest, value);
      }
    }
    return largest;
  }
}
