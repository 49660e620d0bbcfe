package dev.granula.bench.compare;

import dev.granula.bench.compare.Metric.GeometricMean;
import dev.granula.bench.compare.Metric.PeakMemory;
import dev.granula.bench.compare.Metric.Ratio;
import dev.granula.bench.compare.Metric.Straightness;
import dev.granula.bench.compare.Metric.Within;
import dev.granula.bench.compare.Metric.Worst;
import dev.granula.bench.compare.Row.Start;
import java.util.ArrayList;
import java.util.List;

/** The rows of the table, in its order. */
final class Rows {
  private static final String TOKENS = "tokens/s";
  private static final String SECONDS = "s/step";

  /** Until C2 has compiled what counts; a step of the small model needs 10 to 15 runs for that. */
  private static final int WARM_UP_SECONDS = 30;

  private static final int KERNEL_WARM_UP_SECONDS = 10;

  private static final int KERNEL_REPEATS = 5;
  private static final int STEP_REPEATS = 3;

  /**
   * Tokens of 16 samples: the quantiles of a log-normal distribution with a median of 74, shuffled
   * so that padding each four to their longest takes the mean of all orders, 1.7 times the tokens.
   */
  private static final String MIXED_LENGTHS =
      "lengths=40,94,24,163,64,58,46,77,70,104,225,33,117,135,85,52";

  static final List<Row> ALL =
      List.of(
          new Row(
              "products",
              "matrix products, over OpenBLAS",
              "GFLOP/s",
              Side.java("products"),
              Side.java("openblas"),
              Start.WARM,
              KERNEL_WARM_UP_SECONDS,
              KERNEL_REPEATS,
              List.of(
                  Goal.atLeast(1.00, "A·B, geometric mean", new GeometricMean("AB ")),
                  Goal.atLeast(0.93, "A·B, worst shape", new Worst("AB ")),
                  Goal.atLeast(1.00, "A·Bᵀ, geometric mean", new GeometricMean("ABt ")),
                  Goal.atLeast(0.93, "A·Bᵀ, worst shape", new Worst("ABt ")))),
          new Row(
              "products-bf16",
              "matrix products with B in BF16, over F32",
              "GFLOP/s",
              Side.java("products", "base=bf16"),
              Side.java("products"),
              Start.WARM,
              KERNEL_WARM_UP_SECONDS,
              KERNEL_REPEATS,
              List.of(
                  Goal.atLeast(1.00, "A·B, geometric mean", new GeometricMean("AB ")),
                  Goal.atLeast(1.00, "A·Bᵀ, geometric mean", new GeometricMean("ABt ")))),
          new Row(
              "attention",
              "causal attention, forward + backward, over PyTorch",
              "passes/s",
              Side.java("attention"),
              Side.python("attention.py"),
              Start.WARM,
              KERNEL_WARM_UP_SECONDS,
              KERNEL_REPEATS,
              List.of(
                  Goal.atLeast(1.4, "length 256", new Ratio("length 256")),
                  Goal.atLeast(1.4, "length 1024", new Ratio("length 1024")))),
          new Row(
              "layer",
              "GraLoRA layer over LoRA layer, time, forward + backward",
              "ms",
              Side.java("layer", "method=gralora"),
              Side.java("layer", "method=lora"),
              Start.WARM,
              KERNEL_WARM_UP_SECONDS,
              KERNEL_REPEATS,
              List.of(
                  Goal.atMost(1.05, "r 32, k 2", new Ratio("r32 k2")),
                  Goal.atMost(1.05, "r 32, k 4", new Ratio("r32 k4")),
                  Goal.atMost(1.05, "r 64, k 2", new Ratio("r64 k2")),
                  Goal.atMost(1.05, "r 64, k 4", new Ratio("r64 k4")))),
          step("step-r32", "step, r 32 k 2, over PyTorch + PEFT", 1.4, "rank=32", "k=2"),
          step("step-r64", "step, r 64 k 4, over PyTorch + PEFT", 1.4, "rank=64", "k=4"),
          new Row(
              "step-compiled",
              "step, r 32 k 2, over torch.compile",
              TOKENS,
              Side.java("step", "rank=32", "k=2"),
              Side.python("step.py", "rank=32", "k=2", "compile=true"),
              Start.WARM,
              WARM_UP_SECONDS,
              STEP_REPEATS,
              List.of(Goal.atLeast(1.25, "tokens/s", new Ratio(TOKENS)))),
          mixed("step-mixed", "padded", "packed=false"),
          mixed("step-mixed-packed", "packed", "packed=true"),
          overLora("step-lora-r32", "rank=32", "k=2"),
          overLora("step-lora-r64", "rank=64", "k=4"),
          step("step-full", "full fine-tuning step, over PyTorch", 1.2, "method=full"),
          half("qwen", "0.5B step, F32, over PyTorch + PEFT", 1.8, 0.75, List.of(), List.of()),
          half(
              "qwen-bf16",
              "0.5B step, base in BF16, over PyTorch + PEFT in F32",
              1.8,
              0.48,
              List.of("base=bf16"),
              List.of()),
          half(
              "qwen-checkpointing",
              "the same with gradient checkpointing on both",
              1.5,
              0.48,
              List.of("base=bf16", "checkpointing=true"),
              List.of("checkpointing=true")),
          new Row(
              "decode",
              "0.5B decoding, BF16, bytes of weights, over a plain read",
              "GB/s",
              Side.java("decode", "base=bf16"),
              null,
              Start.WARM,
              WARM_UP_SECONDS,
              1,
              List.of(
                  Goal.atLeast(0.85, "products alone", new Within("products", "read")),
                  Goal.atLeast(0.75, "whole loop", new Within("loop", "read")))),
          new Row(
              "start",
              "process start to the end of the first step, time, over PyTorch + PEFT",
              "s",
              Side.java("step"),
              Side.python("step.py"),
              Start.COLD,
              0,
              1,
              List.of(Goal.atMost(0.55, "seconds", new Ratio(Comparison.START_SECONDS)))),
          new Row(
              "growth",
              "time against size: deviation from a straight line, % (first and last value)",
              "us",
              Side.java("growth"),
              null,
              Start.WARM,
              WARM_UP_SECONDS,
              1,
              List.of(
                  Goal.atMost(10, "token, batch 1 to 64", new Straightness("token batch")),
                  Goal.atMost(10, "token, rank 8 to 128", new Straightness("token rank")),
                  Goal.atMost(10, "token, layers 2 to 16", new Straightness("token layers")),
                  Goal.none("step, batch 1 to 64", new Straightness("step batch")))));

  private Rows() {}

  private static Row step(String name, String title, double goal, String... options) {
    return new Row(
        name,
        title,
        TOKENS,
        Side.java("step", options),
        Side.python("step.py", options),
        Start.WARM,
        WARM_UP_SECONDS,
        STEP_REPEATS,
        List.of(Goal.atLeast(goal, "tokens/s", new Ratio(TOKENS))));
  }

  private static Row mixed(String name, String form, String option) {
    return new Row(
        name,
        "step of samples of 24 to 225 tokens, over PyTorch + PEFT, " + form,
        TOKENS,
        Side.java("step", "rank=32", "k=2", MIXED_LENGTHS),
        Side.python("step.py", "rank=32", "k=2", MIXED_LENGTHS, option),
        Start.WARM,
        WARM_UP_SECONDS,
        STEP_REPEATS,
        List.of(Goal.none("tokens/s", new Ratio(TOKENS))));
  }

  private static Row overLora(String name, String rank, String blocks) {
    return new Row(
        name,
        "GraLoRA step over LoRA step, time, " + rank.replace('=', ' '),
        SECONDS,
        Side.java("step", rank, blocks),
        Side.java("step", rank, "method=lora"),
        Start.WARM,
        WARM_UP_SECONDS,
        STEP_REPEATS,
        List.of(Goal.atMost(1.03, "s/step", new Ratio(SECONDS))));
  }

  /** The step of the 0.5B model. */
  private static Row half(
      String name,
      String title,
      double speed,
      double memory,
      List<String> ours,
      List<String> theirs) {
    return new Row(
        name,
        title,
        TOKENS,
        Side.java("step", withShape(ours)),
        Side.python("step.py", withShape(theirs)),
        Start.WARM,
        WARM_UP_SECONDS,
        1,
        List.of(
            Goal.atLeast(speed, "tokens/s", new Ratio(TOKENS)),
            Goal.atMost(memory, "peak memory, MiB", new PeakMemory())));
  }

  private static String[] withShape(List<String> options) {
    List<String> all = new ArrayList<>(List.of("shape=qwen0.5b"));
    all.addAll(options);
    return all.toArray(String[]::new);
  }
}
