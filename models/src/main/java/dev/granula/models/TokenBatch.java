package dev.granula.models;

import dev.granula.tensor.Device;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Token sequences in the memory of the current step: of one length, side by side, or of any
 * lengths, one behind the other ({@link #packed}). Padding on the right needs no mask: causality
 * hides it from what stands before, and its targets are {@link #IGNORED}.
 *
 * @param ids I32 [B, T]
 * @param positions I32 [B, T], for the rotary embedding; packed samples count from 0 each
 * @param asked I32 [N], the places b T + t whose next token is a target: the head works for these
 *     alone. Place 0 where nothing is asked
 * @param targets I32 [N], what follows them; {@link #IGNORED} where nothing is asked
 * @param firstKey I32 [B, T], the first index that each token may see, or null for 0; keeps packed
 *     samples apart and hides padding on the left
 * @param largestId the largest token id
 * @param largestPosition the largest position
 * @param targetCount how many targets the loss counts
 */
public record TokenBatch(
    Tensor ids,
    Tensor positions,
    Tensor asked,
    Tensor targets,
    @Nullable Tensor firstKey,
    int largestId,
    int largestPosition,
    long targetCount) {
  /** A target that the loss leaves out, as in PyTorch. */
  public static final int IGNORED = -100;

  /** Sequences that are each one sample; {@code labels} like Hugging Face's. */
  public static TokenBatch of(Device device, int[][] ids, int[][] labels) {
    return of(device, ids, countingPositions(ids), labels, null);
  }

  /** Sequences to be continued: no targets. */
  public static TokenBatch of(Device device, int[][] ids) {
    return of(device, ids, countingPositions(ids), null, null);
  }

  /**
   * Sequences of any lengths without padding: side by side where they are of one length, else as
   * one row, [1, sum of the lengths], in which none sees another. The loss and its gradients are
   * those of the sequences one by one. This costs what their tokens cost, and a padded rectangle
   * what its longest row does, times the rows.
   *
   * @param labels as for {@link #of(Device, int[][], int[][])}; that of a first token counts for
   *     nothing, because nothing comes before it
   * @throws ShapeException if there is no sequence, or one without tokens, or if labels differ in
   *     length from their ids
   */
  public static TokenBatch packed(Device device, int[][] ids, int[][] labels) {
    checkSequences(ids, labels);
    if (Arrays.stream(ids).allMatch(sequence -> sequence.length == ids[0].length)) {
      return of(device, ids, labels);
    }
    int[][] starts = new int[ids.length][];
    int[][] targets = new int[ids.length][];
    int start = 0;
    for (int i = 0; i < ids.length; i++) {
      starts[i] = new int[ids[i].length];
      Arrays.fill(starts[i], start);
      targets[i] = labels[i].clone();
      targets[i][0] = IGNORED;
      start += ids[i].length;
    }
    int[][] positions = countingPositions(ids);
    return of(device, oneRow(ids), oneRow(positions), oneRow(targets), oneRow(starts));
  }

  private static int[][] oneRow(int[][] rows) {
    return new int[][] {Arrays.stream(rows).flatMapToInt(Arrays::stream).toArray()};
  }

  private static void checkSequences(int[][] ids, int[][] labels) {
    boolean fits = ids.length > 0 && ids.length == labels.length;
    for (int i = 0; fits && i < ids.length; i++) {
      fits = ids[i].length > 0 && ids[i].length == labels[i].length;
    }
    if (!fits) {
      throw new ShapeException(
          "token batch: packed sequences must have tokens and as many labels: the sequences have %s, the labels %s"
              .formatted(lengths(ids), lengths(labels)));
    }
  }

  private static String lengths(int[][] rows) {
    return Arrays.toString(Arrays.stream(rows).mapToInt(row -> row.length).toArray());
  }

  /**
   * Sequences with everything said; all arrays are [B][T]. Labels are like Hugging Face's: the
   * label at t is the token at t, and the loss compares it with the prediction at t - 1. {@link
   * #IGNORED} where nothing is asked, which must include the first token of each packed sample; no
   * labels means that everywhere.
   *
   * @throws ShapeException if rows differ in length or an id or position is negative
   */
  public static TokenBatch of(
      Device device,
      int[][] ids,
      int[][] positions,
      int @Nullable [][] labels,
      int @Nullable [][] firstKey) {
    int[] known = flat("ids", ids, ids);
    int[] next = labels == null ? new int[0] : nextTokens(flat("labels", labels, ids), ids.length);
    int[] asked = IntStream.range(0, next.length).filter(i -> next[i] >= 0).toArray();
    int[] targets = Arrays.stream(asked).map(i -> next[i]).toArray();
    int[] places = asked.length == 0 ? new int[1] : asked;
    return new TokenBatch(
        Tensor.of(device, known, ids.length, ids[0].length),
        Tensor.of(device, flat("positions", positions, ids), ids.length, ids[0].length),
        Tensor.of(device, places, places.length),
        Tensor.of(device, asked.length == 0 ? new int[] {IGNORED} : targets, places.length),
        firstKey == null
            ? null
            : Tensor.of(device, flat("first keys", firstKey, ids), ids.length, ids[0].length),
        largest("id", ids),
        largest("position", positions),
        asked.length);
  }

  /** The labels one place further to the front; the last place of a row has none. */
  private static int[] nextTokens(int[] labels, int rows) {
    int length = labels.length / rows;
    int[] next = new int[labels.length];
    Arrays.setAll(next, i -> (i + 1) % length == 0 ? IGNORED : labels[i + 1]);
    return next;
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

  private static int[] flat(String what, int[][] rows, int[][] ids) {
    int length = ids.length == 0 ? 0 : ids[0].length;
    boolean fits = rows.length == ids.length && length > 0;
    for (int[] row : rows) {
      fits &= row.length == length;
    }
    if (!fits) {
      throw new ShapeException(
          "token batch: %s must be %d rows of %d, at least one of each: the rows have %s"
              .formatted(what, ids.length, length, lengths(rows)));
    }
    return Arrays.stream(rows).flatMapToInt(Arrays::stream).toArray();
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
