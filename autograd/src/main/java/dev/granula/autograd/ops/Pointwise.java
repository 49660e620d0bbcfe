package dev.granula.autograd.ops;

import static dev.granula.tensor.expression.Expression.constant;
import static dev.granula.tensor.expression.Expression.input;
import static dev.granula.tensor.expression.Expression.scalar;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All pointwise operations: one expression for the value and one per input for its vector-Jacobian
 * product. With n inputs, {@code input(0..n-1)} are the inputs, {@code input(n)} is the result and
 * {@code input(n + 1)} the gradient that arrives; {@code scalar(0)} is the number of {@link #with}.
 * Backward keeps only what the expressions of the needed inputs read.
 */
public record Pointwise(
    String name, int arity, Expression value, List<Expression> grads, double number) implements Op {
  private static final Expression A = input(0);
  private static final Expression B = input(1);

  /** Result and gradient of an operation with one input, and with two. */
  private static final Expression Y = input(1);

  private static final Expression G = input(2);
  private static final Expression Y2 = input(2);
  private static final Expression G2 = input(3);
  private static final Expression N = scalar(0);
  private static final double GELU_SCALE = Math.sqrt(2 / Math.PI);
  private static final double GELU_CUBIC = 0.044715;

  // c = a + b: da = g, db = g
  public static final Pointwise ADD = of("add", A.add(B), G2, G2);
  public static final Pointwise SUB = of("sub", A.sub(B), G2, G2.neg());
  public static final Pointwise MUL = of("mul", A.mul(B), G2.mul(B), G2.mul(A));
  // c = a / b: da = g / b, db = -g c / b
  public static final Pointwise DIV = of("div", A.div(B), G2.div(B), G2.mul(Y2).div(B).neg());
  public static final Pointwise NEG = of("neg", A.neg(), G.neg());
  public static final Pointwise SCALE = of("scale", A.mul(N), G.mul(N));
  public static final Pointwise ADD_NUMBER = of("add", A.add(N), G);
  public static final Pointwise EXP = of("exp", A.exp(), G.mul(Y));
  public static final Pointwise LOG = of("log", A.log(), G.div(A));
  // y = sqrt(x): dx = g / (2 y)
  public static final Pointwise SQRT = of("sqrt", A.sqrt(), G.mul(0.5).div(Y));
  // y = x^(-1/2): dx = -g y^3 / 2
  public static final Pointwise RSQRT =
      of("rsqrt", A.sqrt().reciprocal(), G.mul(-0.5).mul(Y.mul(Y).mul(Y)));
  public static final Pointwise SIGMOID =
      of("sigmoid", A.sigmoid(), G.mul(Y).mul(constant(1).sub(Y)));
  public static final Pointwise TANH = of("tanh", A.tanh(), G.mul(constant(1).sub(Y.mul(Y))));
  public static final Pointwise RELU =
      of("relu", A.max(constant(0)), constant(0).selectIfLess(A, G, constant(0)));
  public static final Pointwise SILU = of("silu", A.mul(A.sigmoid()), G.mul(siluSlope(A)));
  public static final Pointwise SILU_MUL =
      of(
          "siluMul",
          A.mul(A.sigmoid()).mul(B),
          G2.mul(B).mul(siluSlope(A)),
          G2.mul(A.mul(A.sigmoid())));
  public static final Pointwise GELU = of("gelu", A.mul(gaussian(A)), G.mul(geluSlope(A)));
  public static final Pointwise GELU_TANH =
      of("geluTanh", A.mul(tanhGate(A)), G.mul(geluTanhSlope(A)));

  private static Pointwise of(String name, Expression value, Expression... grads) {
    return new Pointwise(name, grads.length, value, List.of(grads), 0);
  }

  /** This operation with {@code scalar(0)} set. */
  public Pointwise with(double scalar) {
    return new Pointwise(name, arity, value, grads, scalar);
  }

  /** s = sigmoid(x): (x s)' = s (1 + x (1 - s)). */
  private static Expression siluSlope(Expression x) {
    Expression s = x.sigmoid();
    return s.mul(x.mul(constant(1).sub(s)).add(1));
  }

  /** Phi(x) = (1 + erf(x / sqrt 2)) / 2. */
  private static Expression gaussian(Expression x) {
    return x.mul(Math.sqrt(0.5)).erf().add(1).mul(0.5);
  }

  /** (x Phi(x))' = Phi(x) + x exp(-x^2 / 2) / sqrt(2 pi). */
  private static Expression geluSlope(Expression x) {
    Expression density = x.mul(x).mul(-0.5).exp().mul(1 / Math.sqrt(2 * Math.PI));
    return gaussian(x).add(x.mul(density));
  }

  /** (1 + tanh(u)) / 2 with u = sqrt(2 / pi) (x + 0.044715 x^3). */
  private static Expression tanhGate(Expression x) {
    return tanhArgument(x).tanh().add(1).mul(0.5);
  }

  private static Expression tanhArgument(Expression x) {
    return x.mul(GELU_SCALE).mul(x.mul(x).mul(GELU_CUBIC).add(1));
  }

  /**
   * With t = tanh(u): (1 + t) / 2 + x (1 - t^2) u' / 2, u' = sqrt(2 / pi) (1 + 3 * 0.044715 x^2).
   */
  private static Expression geluTanhSlope(Expression x) {
    Expression t = tanhArgument(x).tanh();
    Expression inner = x.mul(x).mul(3 * GELU_CUBIC).add(1).mul(GELU_SCALE);
    return tanhGate(x).add(x.mul(0.5).mul(constant(1).sub(t.mul(t))).mul(inner));
  }

  @Override
  public Spec infer(List<Spec> in) {
    Shape shape = in.getFirst().shape();
    for (Spec spec : in) {
      shape = Shape.broadcast(name, shape, spec.shape());
    }
    return new Spec(shape, Types.common(name, in));
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    ctx.backend().evaluate(value, in, new double[] {number}, out, Write.SET);
    for (int i = 0; i < arity; i++) {
      if (ctx.needs(i)) {
        save(ctx, grads.get(i), in, out);
      }
    }
  }

  /** Only where gradients read nothing but the one that arrives, as those of sums. */
  @Override
  public @Nullable Runnable deferred(Context ctx, List<Tensor> in, Tensor out) {
    for (Expression gradient : grads) {
      for (int j = 0; j <= arity; j++) {
        if (gradient.reads(j)) {
          return null;
        }
      }
    }
    return () -> ctx.backend().evaluate(value, in, new double[] {number}, out, Write.SET);
  }

  private void save(Context ctx, Expression gradient, List<Tensor> in, Tensor out) {
    for (int j = 0; j <= arity; j++) {
      if (gradient.reads(j) && !ctx.hasSaved(j)) {
        ctx.save(j, j < arity ? in.get(j) : out);
      }
    }
  }

  @Override
  public void vjp(Context ctx, Tensor g, Gradients gradients) {
    List<Tensor> operands = new ArrayList<>();
    for (int j = 0; j <= arity; j++) {
      operands.add(ctx.hasSaved(j) ? ctx.saved(j) : g);
    }
    operands.add(g);
    for (int i = 0; i < arity; i++) {
      Expression gradient = grads.get(i);
      if (gradient.equals(input(arity + 1))) {
        gradients.pass(i, g);
        continue;
      }
      gradients.contribute(
          i,
          g.shape(),
          (target, write) ->
              ctx.backend().evaluate(gradient, operands, new double[] {number}, target, write));
    }
  }

  @Override
  public boolean takesStrides() {
    return true;
  }

  @Override
  public boolean isCheap() {
    return true;
  }
}
