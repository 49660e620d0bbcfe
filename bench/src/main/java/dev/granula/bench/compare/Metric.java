package dev.granula.bench.compare;

import dev.granula.bench.Statistics;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/** How a figure follows from the samples of both sides. */
sealed interface Metric {
  /**
   * @param peer {@code ours} again where the row has no other side
   */
  Outcome of(Samples ours, Samples peer);

  /** Median of ours over the median of the peer's. */
  record Ratio(String key) implements Metric {
    @Override
    public Outcome of(Samples ours, Samples peer) {
      double a = ours.median(key);
      double b = peer.median(key);
      return Outcome.of("", a, b, a / b, perRound(ours, round -> ratio(ours, peer, key, round)));
    }
  }

  /** Two values of one process, measured in turn there. */
  record Within(String key, String base) implements Metric {
    @Override
    public Outcome of(Samples ours, Samples peer) {
      double a = ours.median(key);
      double b = ours.median(base);
      return Outcome.of("", a, b, a / b, perRound(ours, i -> ours.of(key)[i] / ours.of(base)[i]));
    }
  }

  /** Geometric mean over all values whose names start with {@code prefix}. */
  record GeometricMean(String prefix) implements Metric {
    @Override
    public Outcome of(Samples ours, Samples peer) {
      List<String> keys = ours.keys(prefix);
      double a = mean(keys.stream().mapToDouble(ours::median).toArray());
      double b = mean(keys.stream().mapToDouble(peer::median).toArray());
      return Outcome.of(
          "",
          a,
          b,
          a / b,
          perRound(
              ours,
              i -> mean(keys.stream().mapToDouble(key -> ratio(ours, peer, key, i)).toArray())));
    }

    private static double mean(double[] values) {
      return Statistics.geometricMean(values);
    }
  }

  /** The smallest ratio of medians among the values whose names start with {@code prefix}. */
  record Worst(String prefix) implements Metric {
    @Override
    public Outcome of(Samples ours, Samples peer) {
      String key =
          ours.keys(prefix).stream()
              .min(Comparator.comparingDouble(k -> ours.median(k) / peer.median(k)))
              .orElseThrow();
      Outcome ratio = new Ratio(key).of(ours, peer);
      return new Outcome(
          key.substring(prefix.length()).strip(),
          ratio.ours(),
          ratio.peer(),
          ratio.value(),
          ratio.low(),
          ratio.high());
    }
  }

  /** Most memory of our process over that of the peer's, in MiB. */
  record PeakMemory() implements Metric {
    private static final double KIB_PER_MIB = 1024;

    @Override
    public Outcome of(Samples ours, Samples peer) {
      double a = ours.peakKib() / KIB_PER_MIB;
      double b = peer.peakKib() / KIB_PER_MIB;
      return new Outcome("", a, b, a / b, Double.NaN, Double.NaN);
    }
  }

  /**
   * The largest deviation, in percent and without its sign, of values named {@code prefix} <i>x</i>
   * from the straight line over x through the first and the last.
   */
  record Straightness(String prefix) implements Metric {
    @Override
    public Outcome of(Samples ours, Samples peer) {
      List<String> keys = ours.keys(prefix);
      double[] x =
          keys.stream()
              .mapToDouble(key -> Double.parseDouble(key.substring(prefix.length()).strip()))
              .toArray();
      double[] y = keys.stream().mapToDouble(ours::median).toArray();
      double deviation = Statistics.deviationFromLinePercent(x, y);
      double[] perRound =
          perRound(
              ours,
              i ->
                  Statistics.deviationFromLinePercent(
                      x, keys.stream().mapToDouble(key -> ours.of(key)[i]).toArray()));
      return Outcome.of("", y[0], y[y.length - 1], Math.abs(deviation), perRound);
    }
  }

  private static double ratio(Samples ours, Samples peer, String key, int round) {
    return ours.of(key)[round] / peer.of(key)[round];
  }

  private static double[] perRound(Samples samples, IntToDoubleFunction value) {
    double[] values = IntStream.range(0, samples.rounds()).mapToDouble(value).toArray();
    return Arrays.stream(values).filter(Double::isFinite).toArray();
  }
}
