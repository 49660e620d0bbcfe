package dev.granula.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.autograd.ops.Pointwise;
import dev.granula.tensor.DType;
import dev.granula.tensor.DTypeException;
import dev.granula.tensor.DeviceException;
import dev.granula.tensor.GranulaException;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.expression.Expression;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** The walk over the graph: sharing, depth, hooks, what is recorded, and what is refused. */
final class EngineTest {
  private final SpyDevice device = new SpyDevice();

  private Tensor vector(double... values) {
    return Tensor.of(device, values, values.length);
  }

  private Variable leaf(double... values) {
    return Variable.leaf(vector(values));
  }

  private static double[] gradient(Variable variable) {
    Tensor gradient = variable.grad();
    assertNotNull(gradient);
    return gradient.toDoubleArray();
  }

  private static void assertGradient(Variable variable, double... expected) {
    assertArrayEquals(expected, gradient(variable), 1e-12);
  }

  // ---- sharing and depth ------------------------------------------------------------------------

  @Test
  void sharedResultsCollectFromAllTheirUsers() {
    Variable x = leaf(3, -1);
    Variable square = x.mul(x);
    square.add(square.mul(square)).sum().backward();
    assertGradient(x, 2 * 3 + 4 * 27, -2 - 4);
  }

  @Test
  void eachNodeIsVisitedOnce() {
    Variable x = leaf(1);
    Variable y = x;
    for (int i = 0; i < 60; i++) {
      y = y.add(y);
    }
    y.backward();
    assertGradient(x, 0x1p60);
  }

  @Test
  void aChainOf100000NodesNeedsNoStack() {
    Variable x = leaf(2);
    try (Scope _ = device.memory().step()) {
      Variable y = x;
      for (int i = 0; i < 100_000; i++) {
        y = y.neg();
      }
      y.backward();
      assertGradient(x, 1);
    }
  }

  @Test
  void oneVariableInSeveralBroadcastPlacesOfOneOp() {
    Expression a = Expression.input(0);
    Expression b = Expression.input(1);
    Expression c = Expression.input(2);
    Expression g = Expression.input(4);
    List<Expression> gradients = List.of(g.mul(b).mul(c), g.mul(a).mul(c), g.mul(a).mul(b));
    Pointwise product = new Pointwise("product", 3, a.mul(b).mul(c), gradients, 0);
    Points points = new Points(3);
    GradCheck.standard()
        .check(
            "product",
            in -> Autograd.apply(product, in.get(0), in.get(1), in.get(1)),
            points.any(2, 3),
            points.any(3))
        .orThrow();
  }

  @Test
  void worksWithoutAStep() {
    Variable w = leaf(1, 2);
    w.mul(w).sum().backward();
    assertGradient(w, 2, 4);
    w.mul(w).sum().backward();
    assertGradient(w, 4, 8);
  }

  // ---- gradients of leaves ----------------------------------------------------------------------

  @Test
  void leavesAddUpOverPasses() {
    Variable x = leaf(1, 2);
    x.scale(3).sum().backward();
    x.scale(4).sum().backward();
    assertGradient(x, 7, 7);
    x.zeroGrad();
    assertNull(x.grad());
    x.scale(5).sum().backward();
    assertGradient(x, 5, 5);
  }

  @Test
  void noTwoLeavesShareAGradient() {
    Variable a = leaf(1, 2);
    Variable b = leaf(3, 4);
    Tensor seed = vector(1, 1);
    a.add(b).backward(seed);
    device.backend().fill(a.grad(), 9);
    assertGradient(b, 1, 1);
    assertArrayEquals(new double[] {1, 1}, seed.toDoubleArray());
  }

  @Test
  void theGradientOfALeafIsRowMajor() {
    Variable x = Variable.leaf(Tensor.of(device, new double[] {1, 2, 3, 4, 5, 6}, 2, 3));
    x.transpose(0, 1).backward(Tensor.of(device, new double[] {1, 2, 3, 4, 5, 6}, 3, 2));
    assertTrue(x.grad().isContiguous());
    assertGradient(x, 1, 3, 5, 2, 4, 6);
  }

  @Test
  void aPersistentLeafKeepsOneBuffer() {
    Variable w = Variable.leaf(vector(1, 2).persistent());
    int before = device.persistentAllocations();
    for (int step = 0; step < 3; step++) {
      try (Scope _ = device.memory().step()) {
        w.zeroGrad();
        // A view of a parameter is not a parameter: its gradient is step memory.
        w.reshape(2, 1).permute(1, 0).mul(w).sum().backward();
        assertGradient(w, 2, 4);
      }
      assertGradient(w, 2, 4);
    }
    assertEquals(before + 1, device.persistentAllocations());
  }

  @Test
  void aLeafCanBeTheResult() {
    Variable x = leaf(5);
    x.backward();
    assertGradient(x, 1);
  }

  // ---- hooks and retained gradients -------------------------------------------------------------

  @Test
  void hooksObserveTheFinishedGradientOnce() {
    List<List<Double>> seen = new ArrayList<>();
    Variable x = leaf(2);
    Variable y = x.scale(3);
    y.onGradient(g -> note(seen, g));
    y.mul(y).add(y).sum().backward();
    assertEquals(List.of(List.of(13.0)), seen);
    assertGradient(x, 39);
  }

  private static Tensor note(List<List<Double>> seen, Tensor gradient) {
    List<Double> values = new ArrayList<>();
    for (double value : gradient.toDoubleArray()) {
      values.add(value);
    }
    seen.add(values);
    return gradient;
  }

  @Test
  void hooksReplaceInTheOrderOfTheirRegistration() {
    Variable x = leaf(1, 2);
    Variable y = x.scale(3);
    y.retainGrad();
    y.onGradient(g -> scaled(g, 10));
    y.onGradient(g -> g.reshape(1, 2).reshape(2));
    y.onGradient(g -> Variable.constant(g).add(1).data());
    y.sum().backward();
    assertGradient(y, 11, 11);
    assertGradient(x, 33, 33);
  }

  private static Tensor scaled(Tensor gradient, double factor) {
    return Variable.constant(gradient).scale(factor).data();
  }

  @Test
  void aHookOfALeafSeesOnePassAtATime() {
    for (boolean persistent : new boolean[] {false, true}) {
      Tensor data = persistent ? vector(1, 2).persistent() : vector(1, 2);
      List<List<Double>> seen = new ArrayList<>();
      Variable x = Variable.leaf(data).onGradient(g -> scaled(note(seen, g), 0.5));
      x.scale(2).sum().backward();
      x.scale(4).sum().backward();
      assertEquals(List.of(List.of(2.0, 2.0), List.of(4.0, 4.0)), seen);
      assertGradient(x, 3, 3);
    }
  }

  @Test
  void aHookMustReturnAGradient() {
    Variable wrongShape = leaf(1, 2).onGradient(g -> g.slice(0, 0, 1));
    Variable nothing = leaf(1, 2).onGradient(_ -> null);
    Variable wrongType = leaf(1, 2).onGradient(g -> g.to(DType.F32));
    assertMessage(
        ShapeException.class,
        () -> wrongShape.sum().backward(),
        "gradient hook: the gradient must have shape [2], it has [1]");
    assertMessage(
        GranulaException.class,
        () -> nothing.sum().backward(),
        "gradient hook: it must return a gradient, it returned null");
    assertMessage(
        DTypeException.class,
        () -> wrongType.sum().backward(),
        "gradient hook: the gradient must be F64, it is F32");
  }

  @Test
  void onlyRetainedResultsKeepTheirGradient() {
    Variable x = leaf(1, 2);
    Variable kept = x.scale(2).retainGrad();
    Variable dropped = kept.scale(3);
    dropped.sum().backward();
    assertGradient(kept, 3, 3);
    assertNull(dropped.grad());
  }

  // ---- what is recorded -------------------------------------------------------------------------

  @Test
  void constantsAndNoGradAddNoNode() {
    Variable constant = Variable.constant(vector(1, 2));
    assertNull(constant.exp().mul(constant).node());
    Variable x = leaf(1, 2);
    Variable silent = Autograd.noGrad(() -> x.mul(constant));
    assertNull(silent.node());
    assertFalse(silent.requiresGrad());
    assertNull(x.detach().exp().node());
    assertThrows(
        ArithmeticException.class,
        () ->
            Autograd.noGrad(
                () -> {
                  throw new ArithmeticException();
                }));
    assertTrue(Autograd.isRecording());
    assertNotNull(x.exp().node());
  }

  @Test
  void nothingIsKeptForFrozenInputs() {
    Variable x = Variable.leaf(new Points(1).any(3, 4).to(device));
    Variable frozen = Variable.constant(new Points(2).any(5, 4).to(device));
    Variable y = x.linear(frozen, null);
    assertFalse(y.node().context.hasSaved(0));
    assertTrue(y.node().context.hasSaved(1));
  }

  @Test
  void frozenInputsCostNoKernel() {
    Variable x = Variable.leaf(new Points(1).any(3, 4).to(device));
    Variable frozen = Variable.constant(new Points(2).any(4, 4).to(device));
    Variable y =
        x.matmul(frozen).linear(frozen, null).mul(frozen.slice(0, 0, 1)).add(frozen.slice(0, 0, 3));
    Tensor seed = Tensor.full(device, DType.F64, y.shape(), 1);
    device.forget();
    y.backward(seed);
    assertEquals(List.of("evaluate", "matmul", "matmul"), device.kernels());
  }

  @Test
  void fusedKernelsAreAskedForNeededGradientsOnly() {
    Tensor heads = new Points(1).any(1, 3, 2, 4).to(device);
    Variable query = Variable.leaf(heads);
    Variable frozen = Variable.constant(heads);
    Variable y = query.attention(frozen, frozen, null, 0.5);
    Tensor seed = Tensor.full(device, DType.F64, y.shape(), 1);
    device.forget();
    y.backward(seed);
    List<Object> arguments = device.calls().getFirst().arguments();
    assertEquals("attentionGrad", device.kernels().getFirst());
    assertNotNull(arguments.get(8));
    assertNull(arguments.get(10));
    assertNull(arguments.get(12));
  }

  /** The first positions of a longer cache, as generation reads them for every layer and token. */
  @Test
  void attentionReadsASliceOfACacheWithoutACopy() {
    Variable query = Variable.constant(new Points(1).any(2, 1, 4, 3).to(device));
    Tensor cache = new Points(2).any(2, 8, 2, 3).to(device);
    Variable seen = Variable.constant(cache.slice(1, 0, 5));
    device.forget();
    query.attention(seen, seen, null, 0.5);
    assertEquals(List.of("attention"), device.kernels());
  }

  @Test
  void attentionCopiesWhatHasNoUnitStrideInAHead() {
    Variable x = Variable.leaf(new Points(1).transposed(2, 3, 4, 2).to(device));
    Variable turned = Variable.leaf(new Points(1).any(2, 3, 2, 4).to(device));
    Variable view = Variable.constant(turned.data().transpose(2, 3));
    device.forget();
    Variable y = x.attention(view, view, null, 0.5);
    assertEquals(List.of("copy", "copy", "attention"), device.kernels());
    Tensor seed = Tensor.full(device, DType.F64, Shape.of(2, 3, 4, 1), 1);
    device.forget();
    y.backward(seed.expand(y.shape()));
    assertEquals(List.of("copy", "attentionGrad"), device.kernels());
  }

  @Test
  void aFirstContributionIsSetNotAdded() {
    Variable x = Variable.leaf(new Points(1).any(3, 3).to(device));
    Variable y = x.matmul(x);
    Tensor seed = Tensor.full(device, DType.F64, y.shape(), 1);
    device.forget();
    y.backward(seed);
    assertEquals(List.of("matmul", "matmul"), device.kernels());
    assertEquals("SET", device.calls().get(0).arguments().getLast().toString());
    assertEquals("ADD", device.calls().get(1).arguments().getLast().toString());
  }

  @Test
  void aTargetIsAskedForOnce() {
    Variable x = leaf(1, 2);
    Gradients gradients =
        new Gradients(List.of(new Op.Spec(x.shape(), x.dtype())), List.of(x.collecting()));
    assertNotNull(gradients.target(0));
    assertThrows(IllegalStateException.class, () -> gradients.target(0));
  }

  // ---- refusals ---------------------------------------------------------------------------------

  private static <E extends Exception> void assertMessage(
      Class<E> type, Executable call, String message) {
    assertEquals(message, assertThrows(type, call).getMessage());
  }

  @Test
  void aGraphServesOnePass() {
    Variable x = leaf(1, 2);
    Variable shared = x.exp();
    Variable loss = shared.sum();
    Variable other = shared.mul(shared).sum();
    loss.backward();
    String message =
        "backward: the graph of %s was already used; what it kept is freed after one pass, so"
            + " compute the forward pass again";
    assertMessage(GranulaException.class, loss::backward, message.formatted("sum"));
    assertMessage(GranulaException.class, other::backward, message.formatted("exp"));
    assertGradient(x, Math.exp(1), Math.exp(2));
  }

  @Test
  void backwardNeedsAScalarOrAGradientThatFits() {
    Variable y = leaf(1, 2).exp();
    assertMessage(
        ShapeException.class,
        y::backward,
        "backward: the result must have one element, this is [2]; sum it or pass a gradient");
    assertMessage(
        ShapeException.class,
        () -> y.backward(vector(1, 2, 3)),
        "backward: the gradient must have shape [2], it has [3]");
    assertMessage(
        DTypeException.class,
        () -> y.backward(vector(1, 2).to(DType.F32)),
        "backward: the gradient must be F64, it is F32");
    assertMessage(
        DeviceException.class,
        () -> y.backward(vector(1, 2).to(Points.DEVICE)),
        "backward: the gradient must be on spy, it is on cpu:reference");
    assertMessage(
        GranulaException.class,
        () -> Variable.constant(vector(1)).backward(),
        "backward: this result depends on no variable that needs a gradient; make one with"
            + " Variable.leaf, outside of noGrad");
  }

  @Test
  void operandsShareADevice() {
    Variable here = leaf(1, 2);
    Variable there = Variable.constant(vector(1, 2).to(Points.DEVICE));
    assertMessage(
        DeviceException.class,
        () -> here.add(there),
        "add: operands are on different devices: spy and cpu:reference; move one with Tensor.to");
    Variable table = Variable.leaf(Tensor.of(device, new double[] {1, 2}, 2, 1));
    assertMessage(
        DeviceException.class,
        () -> table.embedding(Points.ids(0)),
        "embedding: operands are on different devices: spy and cpu:reference;"
            + " move one with Tensor.to");
  }

  @Test
  void arithmeticIsDoneInOneType() {
    Variable wide = leaf(1, 2);
    Variable narrow = wide.cast(DType.F32);
    Variable half = wide.cast(DType.BF16);
    Variable whole = Variable.constant(Tensor.of(device, new int[] {1, 2}, 2));
    assertMessage(
        DTypeException.class,
        () -> wide.mul(narrow),
        "mul: element types differ: F64 with F32; cast one");
    assertMessage(DTypeException.class, whole::exp, "exp: needs F32 or F64: I32; cast it");
    assertMessage(DTypeException.class, half::softmax, "softmax: needs F32 or F64: BF16; cast it");
    assertMessage(
        DTypeException.class,
        () -> wide.reshape(1, 2).linear(narrow.reshape(1, 2), null),
        "linear: element types differ: F64 with F32; cast one");
    assertMessage(
        DTypeException.class,
        () -> wide.rmsNorm(narrow, 1e-5),
        "rmsNorm: element types differ: F64 with F32; cast one");
    assertMessage(
        DTypeException.class,
        () -> Variable.leaf(half.data()),
        "leaf: gradients need F32 or F64, this is BF16[2] on spy; cast it first");
    assertMessage(
        DTypeException.class,
        () -> wide.reshape(2, 1).embedding(Tensor.of(device, new long[] {0}, 1)),
        "embedding: ids must be I32: I64");
  }

  @Test
  void halfTypesGetSingleGradients() {
    Variable x = leaf(1, 2);
    Variable half = x.cast(DType.BF16).retainGrad();
    half.cast(DType.F64).scale(1.0 / 3).sum().backward();
    assertEquals(DType.F32, half.grad().dtype());
    assertArrayEquals(new double[] {1.0 / 3, 1.0 / 3}, gradient(x), 1e-7);
  }

  @Test
  void shapeErrorsNameTheRuleAndBothShapes() {
    Variable a = Variable.leaf(Tensor.zeros(device, DType.F64, Shape.of(4, 896)));
    Variable b = Variable.leaf(Tensor.zeros(device, DType.F64, Shape.of(4864, 896)));
    assertMessage(
        ShapeException.class,
        () -> a.matmul(b),
        "matmul: inner dimensions differ: [4, 896] x [4864, 896];"
            + " transpose the right-hand side?");
    assertMessage(
        ShapeException.class,
        () -> a.add(b),
        "add: shapes do not broadcast: [4, 896] with [4864, 896];"
            + " each dimension must be equal or 1");
    assertMessage(
        ShapeException.class,
        () -> a.reshape(-1, -1),
        "reshape: element counts differ: [4, 896] to [-1, -1]");
    assertMessage(
        ShapeException.class,
        () -> a.reshape(-1, 5),
        "reshape: element counts differ: [4, 896] to [-1, 5]");
    assertMessage(ShapeException.class, () -> Variable.cat(0), "cat: needs at least one operand");
    assertMessage(
        ShapeException.class,
        () -> Variable.cat(1, a, b),
        "cat: parts must agree but in dimension 1: F64[4, 896] with F64[4864, 896]");
  }

  // ---- failures on the way ----------------------------------------------------------------------

  @Test
  void aFailureInTheMiddleLeavesNothingBehind() {
    Variable x = Variable.leaf(device.persistent(new Points(1).any(3, 3)));
    try (Scope _ = device.memory().step()) {
      Variable shared = x.exp();
      Variable first = shared.matmul(shared).softmax().add(shared).sum();
      device.failAt("softmaxGrad");
      assertThrows(SpyDevice.PlannedFailure.class, first::backward);
      device.failAt(null);
      assertNull(x.grad());
      // The shared part was not passed, and must not remember the failed pass.
      shared.sum().backward();
      assertArrayEquals(shared.data().toDoubleArray(), gradient(x));
    }
    assertEquals(0, device.memory().stats().usedBytes());
  }
}
