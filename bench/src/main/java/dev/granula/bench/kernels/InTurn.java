package dev.granula.bench.kernels;

import dev.granula.bench.Statistics;
import dev.granula.bench.work.Products;
import dev.granula.bench.work.Products.Product;
import java.util.Arrays;
import java.util.List;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * Our products and OpenBLAS's under JMH, a fork of one, a fork of the other and so on, so that what
 * else runs on the machine falls on both: per product the ratio of the medians.
 *
 * <pre>{@code
 * java -cp 'bench/target/lib/*' dev.granula.bench.kernels.InTurn [rounds] [part of a product's name]
 * }</pre>
 */
public final class InTurn {
  private static final int ROUNDS = 5;

  private InTurn() {}

  public static void main(String[] args) throws RunnerException {
    if (System.getenv("OPENBLAS_CORETYPE") != null) {
      throw new IllegalStateException("OPENBLAS_CORETYPE slows OpenBLAS down; unset it");
    }
    int rounds = args.length > 0 ? Integer.parseInt(args[0]) : ROUNDS;
    String part = args.length > 1 ? args[1] : "";
    List<String> labels =
        Products.all().stream().map(Product::label).filter(l -> l.contains(part)).toList();
    for (String label : labels) {
      double[] ours = new double[rounds];
      double[] peer = new double[rounds];
      for (int round = 0; round < rounds; round++) {
        ours[round] = microseconds("product", label);
        peer[round] = microseconds("openBlas", label);
      }
      double[] ratios = new double[rounds];
      Arrays.setAll(ratios, i -> peer[i] / ours[i]);
      Arrays.sort(ratios);
      System.out.printf(
          "%-22s ours %.0f us, OpenBLAS %.0f us, speed %.2f (%.2f to %.2f)%n",
          label,
          Statistics.median(ours),
          Statistics.median(peer),
          Statistics.median(peer) / Statistics.median(ours),
          ratios[0],
          ratios[rounds - 1]);
    }
  }

  private static double microseconds(String benchmark, String label) throws RunnerException {
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .include("Kernels\\." + benchmark + "$")
            .param("product", label)
            .param("base", "F32")
            .verbosity(VerboseMode.SILENT);
    return new Runner(options.build()).runSingle().getPrimaryResult().getScore();
  }
}
