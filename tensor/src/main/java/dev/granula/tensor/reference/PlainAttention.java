package dev.granula.tensor.reference;

import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import org.jspecify.annotations.Nullable;

/**
 * Rotary embedding and causal attention with grouped-query heads.
 *
 * <p>For one query t of head h, which reads keys and values of group h / (H/G), with s over the
 * keys that it sees: {@code score[s] = scale * q . k[s]}, {@code lse = log(sum_s exp(score[s]))},
 * {@code p[s] = exp(score[s] - lse)}, {@code out = sum_s p[s] v[s]}.
 */
final class PlainAttention {
  private PlainAttention() {}

  /** The rotation is orthogonal, so its gradient is the rotation by the opposite angle. */
  static void rotary(
      Tensor x,
      Tensor positions,
      Tensor cos,
      Tensor sin,
      boolean inverse,
      Tensor out,
      Write write) {
    long batch = x.shape().dim(0);
    long time = x.shape().dim(1);
    for (long b = 0; b < batch; b++) {
      for (long t = 0; t < time; t++) {
        long position = positions.loadLong(at(positions, b, t));
        Plain.checkIndex("rotary: position", position, cos.shape().dim(0));
        for (long head = 0; head < x.shape().dim(2); head++) {
          rotate(
              x, at(x, b, t, head), cos, sin, position, inverse, out, at(out, b, t, head), write);
        }
      }
    }
  }

  private static void rotate(
      Tensor x,
      long from,
      Tensor cos,
      Tensor sin,
      long position,
      boolean inverse,
      Tensor out,
      long to,
      Write write) {
    long half = x.shape().dim(-1) / 2;
    for (long i = 0; i < half; i++) {
      double c = cos.load(at(cos, position, i));
      double s = inverse ? -sin.load(at(sin, position, i)) : sin.load(at(sin, position, i));
      double first = x.load(from + i * x.stride(-1));
      double second = x.load(from + (i + half) * x.stride(-1));
      Plain.put(out, to + i * out.stride(-1), first * c - second * s, write);
      Plain.put(out, to + (i + half) * out.stride(-1), second * c + first * s, write);
    }
  }

  static void attention(
      Tensor q,
      Tensor k,
      Tensor v,
      @Nullable Tensor firstKey,
      double scale,
      Tensor out,
      Tensor lse) {
    int size = Math.toIntExact(q.shape().dim(3));
    double[] scores = new double[Math.toIntExact(k.shape().dim(1))];
    for (long b = 0; b < q.shape().dim(0); b++) {
      for (long head = 0; head < q.shape().dim(2); head++) {
        long group = head / (q.shape().dim(2) / k.shape().dim(2));
        for (long t = 0; t < q.shape().dim(1); t++) {
          int first = firstVisible(firstKey, b, t);
          int end = endOfVisible(q, k, t);
          double sum = scores(q, at(q, b, t, head), k, b, group, scale, first, end, scores);
          lse.store(at(lse, b, head, t), sum);
          for (int d = 0; d < size; d++) {
            double value = 0;
            for (int s = first; s < end; s++) {
              value += Math.exp(scores[s] - sum) * v.load(at(v, b, s, group) + d * v.stride(-1));
            }
            out.store(at(out, b, t, head) + d * out.stride(-1), value);
          }
        }
      }
    }
  }

  /**
   * With {@code dp[s] = g . v[s]}, {@code delta = g . out = sum_s p[s] dp[s]} and {@code ds[s] =
   * p[s] (dp[s] - delta)}: {@code dq = scale sum_s ds[s] k[s]}; over all queries that see s, those
   * of every head of the group: {@code dk[s] = scale sum ds[s] q}, {@code dv[s] = sum p[s] g}.
   */
  static void attentionGrad(
      Tensor q,
      Tensor k,
      Tensor v,
      @Nullable Tensor firstKey,
      double scale,
      Tensor out,
      Tensor lse,
      Tensor g,
      @Nullable Tensor dq,
      Write dqWrite,
      @Nullable Tensor dk,
      Write dkWrite,
      @Nullable Tensor dv,
      Write dvWrite) {
    Backward backward = new Backward(q, k, v, firstKey, scale, out, lse, g);
    int keys = Math.toIntExact(k.shape().dim(1));
    int size = Math.toIntExact(k.shape().dim(3));
    long perGroup = q.shape().dim(2) / k.shape().dim(2);
    for (long b = 0; b < q.shape().dim(0); b++) {
      for (long group = 0; group < k.shape().dim(2); group++) {
        double[][] dkSums = new double[keys][size];
        double[][] dvSums = new double[keys][size];
        for (long head = group * perGroup; head < (group + 1) * perGroup; head++) {
          for (long t = 0; t < q.shape().dim(1); t++) {
            double[] dqRow = new double[size];
            backward.query(b, t, head, group, dqRow, dkSums, dvSums);
            putRow(dq, b, t, head, dqRow, dqWrite);
          }
        }
        for (int s = 0; s < keys; s++) {
          putRow(dk, b, s, group, dkSums[s], dkWrite);
          putRow(dv, b, s, group, dvSums[s], dvWrite);
        }
      }
    }
  }

  /** What the backward pass reads. */
  private record Backward(
      Tensor q,
      Tensor k,
      Tensor v,
      @Nullable Tensor firstKey,
      double scale,
      Tensor out,
      Tensor lse,
      Tensor g) {

    /** Adds the contributions of one query to dq [D] and to dk and dv [S, D] of its group. */
    void query(long b, long t, long head, long group, double[] dq, double[][] dk, double[][] dv) {
      long qAt = at(q, b, t, head);
      long gAt = at(g, b, t, head);
      double delta = dot(g, gAt, out, at(out, b, t, head));
      for (int s = firstVisible(firstKey, b, t); s < endOfVisible(q, k, t); s++) {
        long kAt = at(k, b, s, group);
        double p = Math.exp(scale * dot(q, qAt, k, kAt) - lse.load(at(lse, b, head, t)));
        double ds = p * (dot(g, gAt, v, at(v, b, s, group)) - delta);
        for (int d = 0; d < dq.length; d++) {
          dq[d] += scale * ds * k.load(kAt + d * k.stride(-1));
          dk[s][d] += scale * ds * q.load(qAt + d * q.stride(-1));
          dv[s][d] += p * g.load(gAt + d * g.stride(-1));
        }
      }
    }
  }

  /** Fills {@code scores[first .. end)} and returns their log-sum-exp, minus infinity for none. */
  private static double scores(
      Tensor q,
      long qAt,
      Tensor k,
      long b,
      long group,
      double scale,
      int first,
      int end,
      double[] scores) {
    double max = Double.NEGATIVE_INFINITY;
    for (int s = first; s < end; s++) {
      scores[s] = scale * dot(q, qAt, k, at(k, b, s, group));
      max = Math.max(max, scores[s]);
    }
    double sum = 0;
    for (int s = first; s < end; s++) {
      sum += Math.exp(scores[s] - max);
    }
    return max + Math.log(sum);
  }

  private static int firstVisible(@Nullable Tensor firstKey, long b, long t) {
    return firstKey == null ? 0 : (int) Math.max(0, firstKey.loadLong(at(firstKey, b, t)));
  }

  /** Query t stands at position S - T + t, and sees that position as the last one. */
  private static int endOfVisible(Tensor q, Tensor k, long t) {
    return Math.toIntExact(k.shape().dim(1) - q.shape().dim(1) + t + 1);
  }

  private static double dot(Tensor a, long aStart, Tensor b, long bStart) {
    return Plain.dot(a, aStart, a.stride(-1), b, bStart, b.stride(-1), a.shape().dim(-1));
  }

  private static void putRow(
      @Nullable Tensor out, long b, long t, long head, double[] row, Write write) {
    if (out == null) {
      return;
    }
    long start = at(out, b, t, head);
    for (int d = 0; d < row.length; d++) {
      Plain.put(out, start + d * out.stride(-1), row[d], write);
    }
  }

  private static long at(Tensor tensor, long i, long j) {
    return tensor.offset() + i * tensor.stride(0) + j * tensor.stride(1);
  }

  private static long at(Tensor tensor, long i, long j, long k) {
    return at(tensor, i, j) + k * tensor.stride(2);
  }
}
