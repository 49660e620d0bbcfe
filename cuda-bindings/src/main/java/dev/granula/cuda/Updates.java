package dev.granula.cuda;

import dev.granula.tensor.Backend.AdamWStep;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.util.List;

/** Random numbers and the optimizer. */
final class Updates {
  private static final String RANDOM = "random.cu";

  /** Numbers that one thread draws. */
  private static final int WORDS = 4;

  /** As in {@code struct AdamWTensors}. */
  private static final int ADAMW_TENSORS = 8;

  private static final int MAX_BLOCKS = 1024;

  private final Kernels kernels;

  Updates(Kernels kernels) {
    this.kernels = kernels;
  }

  void uniform(long seed, long counter, Tensor out) {
    kernels
        .launch(RANDOM, "uniform", out.dtype())
        .words(seed)
        .words(counter)
        .view(out)
        .words(out.elementCount())
        .runElements((out.elementCount() + WORDS - 1) / WORDS);
  }

  void dropout(Tensor x, double probability, long seed, long counter, Tensor out, Write write) {
    kernels
        .launch(RANDOM, "dropout", out.dtype())
        .view(x)
        .words(Double.doubleToRawLongBits(probability))
        .words(seed)
        .words(counter)
        .view(out)
        .words(out.elementCount())
        .write(write)
        .runElements((out.elementCount() + WORDS - 1) / WORDS);
  }

  void adamW(
      List<Tensor> parameters,
      List<Tensor> gradients,
      List<Tensor> firstMoments,
      List<Tensor> secondMoments,
      AdamWStep step,
      Tensor gradScale) {
    for (int from = 0; from < parameters.size(); from += ADAMW_TENSORS) {
      int to = Math.min(parameters.size(), from + ADAMW_TENSORS);
      List<Tensor> part = parameters.subList(from, to);
      long largest = 0;
      for (Tensor parameter : part) {
        largest = Math.max(largest, parameter.elementCount());
      }
      kernels
          .launch("adamw.cu", "adamW", gradScale.dtype())
          .tensors(
              ADAMW_TENSORS,
              List.of(
                  part,
                  gradients.subList(from, to),
                  firstMoments.subList(from, to),
                  secondMoments.subList(from, to)))
          .words(numbers(step))
          .pointer(gradScale)
          .run(
              Math.min(MAX_BLOCKS, (largest + Launch.THREADS - 1) / Launch.THREADS),
              part.size(),
              1,
              Launch.THREADS);
    }
  }

  /** {@code struct AdamWNumbers}. */
  private static long[] numbers(AdamWStep step) {
    double[] numbers = {
      step.learningRate(),
      step.beta1(),
      step.beta2(),
      step.eps(),
      step.weightDecay(),
      1 - Math.pow(step.beta1(), step.step()),
      1 - Math.pow(step.beta2(), step.step())
    };
    long[] words = new long[numbers.length];
    for (int i = 0; i < words.length; i++) {
      words[i] = Double.doubleToRawLongBits(numbers[i]);
    }
    return words;
  }
}
