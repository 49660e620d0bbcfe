package dev.granula.tensor.expression;

/**
 * A pointwise function of tensors ({@link Input}) and numbers of the call ({@link Scalar}), built
 * from a closed set of primitives. Equal sub-expressions are computed once. Inputs broadcast.
 *
 * <pre>{@code
 * Expression x = input(0);
 * Expression silu = x.div(x.neg().exp().add(1));
 * }</pre>
 */
public sealed interface Expression {
  /** Element of tensor number {@code index}. */
  record Input(int index) implements Expression {}

  /** Number {@code index} of the call, the same for all elements. */
  record Scalar(int index) implements Expression {}

  record Constant(double value) implements Expression {}

  record Unary(Function function, Expression x) implements Expression {}

  record Binary(Operator operator, Expression x, Expression y) implements Expression {}

  /** {@code a < b ? ifTrue : ifFalse}; a NaN on either side chooses {@code ifFalse}. */
  record SelectLess(Expression a, Expression b, Expression ifTrue, Expression ifFalse)
      implements Expression {}

  /** Functions of one argument. */
  enum Function {
    NEG,
    RECIPROCAL,
    EXP,
    LOG,
    SQRT,
    TANH,
    ERF
  }

  /** Functions of two arguments. {@code MAX} of a NaN is NaN. */
  enum Operator {
    ADD,
    SUB,
    MUL,
    DIV,
    MAX
  }

  static Expression input(int index) {
    return new Input(index);
  }

  static Expression scalar(int index) {
    return new Scalar(index);
  }

  static Expression constant(double value) {
    return new Constant(value);
  }

  default Expression add(Expression y) {
    return new Binary(Operator.ADD, this, y);
  }

  default Expression add(double y) {
    return add(constant(y));
  }

  default Expression sub(Expression y) {
    return new Binary(Operator.SUB, this, y);
  }

  default Expression mul(Expression y) {
    return new Binary(Operator.MUL, this, y);
  }

  default Expression mul(double y) {
    return mul(constant(y));
  }

  default Expression div(Expression y) {
    return new Binary(Operator.DIV, this, y);
  }

  default Expression max(Expression y) {
    return new Binary(Operator.MAX, this, y);
  }

  default Expression neg() {
    return new Unary(Function.NEG, this);
  }

  default Expression reciprocal() {
    return new Unary(Function.RECIPROCAL, this);
  }

  default Expression exp() {
    return new Unary(Function.EXP, this);
  }

  default Expression log() {
    return new Unary(Function.LOG, this);
  }

  default Expression sqrt() {
    return new Unary(Function.SQRT, this);
  }

  default Expression tanh() {
    return new Unary(Function.TANH, this);
  }

  default Expression erf() {
    return new Unary(Function.ERF, this);
  }

  /** True if the value depends on tensor {@code input}. */
  default boolean reads(int input) {
    return switch (this) {
      case Input(int index) -> index == input;
      case Scalar _, Constant _ -> false;
      case Unary(_, Expression x) -> x.reads(input);
      case Binary(_, Expression x, Expression y) -> x.reads(input) || y.reads(input);
      case SelectLess(Expression a, Expression b, Expression t, Expression f) ->
          a.reads(input) || b.reads(input) || t.reads(input) || f.reads(input);
    };
  }

  /** {@code 1 / (1 + exp(-x))}. */
  default Expression sigmoid() {
    return neg().exp().add(1).reciprocal();
  }

  default Expression selectIfLess(Expression b, Expression ifTrue, Expression ifFalse) {
    return new SelectLess(this, b, ifTrue, ifFalse);
  }
}
