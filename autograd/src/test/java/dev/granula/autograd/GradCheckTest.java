package dev.granula.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.DType;
import dev.granula.tensor.DTypeException;
import dev.granula.tensor.GranulaException;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.util.List;
import org.junit.jupiter.api.Test;

final class GradCheckTest {
  private static final Expression PRODUCT = Expression.input(0).mul(Expression.input(1));

  /** x y with a derivative for y that is wrong where x is not 1. */
  private record WrongProduct() implements Op {
    @Override
    public Spec infer(List<Spec> in) {
      return in.getFirst();
    }

    @Override
    public void forward(Context ctx, List<Tensor> in, Tensor out) {
      ctx.backend().evaluate(PRODUCT, in, new double[0], out, Write.SET);
      ctx.save(0, in.get(1));
    }

    @Override
    public void vjp(Context ctx, Tensor g, Gradients grads) {
      grads.contribute(
          0,
          g.shape(),
          (out, write) ->
              ctx.backend().evaluate(PRODUCT, List.of(g, ctx.saved(0)), new double[0], out, write));
      grads.pass(1, g);
    }
  }

  private static Tensor vector(double... values) {
    return Tensor.of(Points.DEVICE, values, values.length);
  }

  @Test
  void findsAWrongDerivativeAndSaysWhere() {
    Tensor x = Tensor.of(Points.DEVICE, new double[] {1, 1, 1, 3}, 2, 2);
    Tensor y = Tensor.of(Points.DEVICE, new double[] {1, 2, 3, 4}, 2, 2);
    GradCheck.Result result =
        GradCheck.standard()
            .check("wrong", in -> Autograd.apply(new WrongProduct(), in.get(0), in.get(1)), x, y);
    assertFalse(result.passed());
    GradCheck.Element worst = result.worst();
    assertNotNull(worst);
    assertEquals(1, worst.input());
    assertEquals(List.of(1L, 1L), worst.index());
    assertEquals(3 * worst.backward(), worst.difference(), 1e-9);
    assertEquals(8, result.elements());
    String message = assertThrows(GranulaException.class, result::orThrow).getMessage();
    assertTrue(message.startsWith("gradCheck wrong: gradients differ: worst of 8:"), message);
    assertTrue(message.contains("input 1 at [1, 1]"), message);
    assertTrue(message.contains("seed 42"), message);
  }

  @Test
  void aMissingGradientIsAZeroOne() {
    GradCheck.Result result =
        GradCheck.standard().check("detached", in -> in.getFirst().detach().exp(), vector(0.5, 2));
    assertFalse(result.passed());
    assertTrue(
        GradCheck.standard().check("unused", in -> in.get(0).exp(), vector(1), vector(2)).passed());
  }

  @Test
  void aNotANumberFails() {
    assertFalse(GradCheck.standard().check("log", in -> in.getFirst().log(), vector(-1)).passed());
  }

  @Test
  void putsThePointsBack() {
    Tensor x = vector(0.1, 0.2, 0.3);
    GradCheck.standard().check("exp", in -> in.getFirst().exp(), x).orThrow();
    assertArrayEquals(new double[] {0.1, 0.2, 0.3}, x.toDoubleArray(), 0);
  }

  @Test
  void withoutElementsThereIsNoWorst() {
    GradCheck.Result result =
        GradCheck.standard().check("exp", in -> in.getFirst().exp(), vector()).orThrow();
    assertNull(result.worst());
    assertEquals("gradCheck exp: no elements", result.toString());
  }

  @Test
  void refusesWhatItCannotCheck() {
    GradCheck check = GradCheck.standard();
    Tensor single = Tensor.of(Points.DEVICE, new float[] {1}, 1);
    Tensor repeated = vector(1).expand(Shape.of(3));
    assertThrows(DTypeException.class, () -> check.check("exp", in -> in.get(0).exp(), single));
    assertThrows(ShapeException.class, () -> check.check("exp", in -> in.get(0).exp(), repeated));
    assertThrows(
        DTypeException.class,
        () -> check.check("cast", in -> in.get(0).cast(DType.F32), vector(1)));
  }
}
