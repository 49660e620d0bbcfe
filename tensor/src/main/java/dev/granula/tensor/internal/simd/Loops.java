package dev.granula.tensor.internal.simd;

import dev.granula.tensor.expression.Expression;
import dev.granula.tensor.expression.Program;
import java.util.concurrent.ConcurrentHashMap;

/** The loops of one back end, each made when first asked for. */
final class Loops {
  private record Key(Expression expression, long broadcast, Store store) {}

  private final ConcurrentHashMap<Expression, Program> programs = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<Key, TwoFormLoop> loops = new ConcurrentHashMap<>();

  Program program(Expression expression) {
    return programs.computeIfAbsent(expression, Program::of);
  }

  /** The loop over operands that are all read element by element. */
  Loop get(Expression expression, Store store) {
    return get(expression, 0, store);
  }

  /**
   * The loop for one pattern of operands.
   *
   * @param broadcast bit i is set if operand i is one element for the whole loop
   */
  Loop get(Expression expression, long broadcast, Store store) {
    Key key = new Key(expression, broadcast, store);
    TwoFormLoop known = loops.get(key);
    if (known == null) {
      known =
          loops.computeIfAbsent(key, _ -> new TwoFormLoop(program(expression), broadcast, store));
    }
    return known.current();
  }
}
