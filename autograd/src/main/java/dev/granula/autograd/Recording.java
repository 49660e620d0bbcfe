package dev.granula.autograd;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Whether calls are recorded in a graph. Where they are not, {@code captured} collects the
 * variables that need a gradient and were used all the same. Where they are recorded a second time,
 * results that nobody reads need not be computed: {@code defers}.
 */
record Recording(boolean isOn, boolean defers, @Nullable Set<Variable> captured) {
  static final Recording ON = new Recording(true, false, null);
  static final Recording OFF = new Recording(false, false, null);
  static final Recording AGAIN = new Recording(true, true, null);

  static Recording off(Set<Variable> captured) {
    return new Recording(false, false, captured);
  }

  void capture(Variable variable) {
    if (captured != null) {
      captured.add(variable);
    }
  }
}
