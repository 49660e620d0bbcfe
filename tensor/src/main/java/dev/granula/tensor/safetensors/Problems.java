package dev.granula.tensor.safetensors;

import dev.granula.tensor.safetensors.SafetensorsException.Problem;
import dev.granula.tensor.safetensors.SafetensorsException.Rule;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Collects what is wrong, so that all of it is reported at once; counts what goes beyond a cap. */
final class Problems {
  static final int MAX = 100;

  private final String operation;
  private final List<Problem> found = new ArrayList<>();
  private int more;

  Problems(String operation) {
    this.operation = operation;
  }

  void add(Path file, @Nullable String tensor, long byteOffset, Rule rule, String text) {
    add(new Problem(file, tensor, byteOffset, rule, text));
  }

  void add(Problem problem) {
    if (found.size() < MAX) {
      found.add(problem);
    } else {
      more++;
    }
  }

  void throwIfAny(Path path) {
    if (!found.isEmpty()) {
      throw new SafetensorsException(operation, path, found, more);
    }
  }
}
