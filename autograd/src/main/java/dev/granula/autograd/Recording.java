package dev.granula.autograd;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Whether calls are recorded in a graph. Where they are not, {@code captured} collects the
 * variables that need a gradient and were used all the same.
 */
record Recording(boolean isOn, @Nullable Set<Variable> captured) {
  static final Recording ON = new Recording(true, null);
  static final Recording OFF = new Recording(false, null);

  void capture(Variable variable) {
    if (captured != null) {
      captured.add(variable);
    }
  }
}
