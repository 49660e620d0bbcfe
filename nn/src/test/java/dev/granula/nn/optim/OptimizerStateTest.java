package dev.granula.nn.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.granula.autograd.RandomStream;
import dev.granula.nn.Parameter;
import dev.granula.tensor.DType;
import dev.granula.tensor.GranulaException;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.CpuDevice;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What optimizers keep between steps: which parameters, which moments, and stopping in between. */
final class OptimizerStateTest {
  private static final CpuDevice DEVICE = CpuDevice.of("simd", 1, Memory.Debug.POISON);
  private static final long SEED = 31;

  /** An optimizer over given parameters. */
  private interface Maker extends Function<Map<String, Parameter>, Optimizer> {}

  @AfterAll
  static void close() {
    DEVICE.close();
  }

  private static Stream<Named<Maker>> optimizers() {
    return Stream.of(
        Named.of("AdamW", p -> new AdamW(p, AdamW.Settings.DEFAULT.withWeightDecay(0.1))),
        Named.of("SGD with momentum", p -> new Sgd(p, 0.9, 0.01)),
        Named.of("SGD", p -> new Sgd(p, 0, 0.01)));
  }

  private static Tensor persistent(float[] values, long... dims) {
    try (Scope _ = DEVICE.memory().step()) {
      return Tensor.of(DEVICE, values, dims).persistent();
    }
  }

  private static Map<String, Parameter> parameters() {
    Map<String, Parameter> parameters = new LinkedHashMap<>();
    parameters.put("w", Parameter.adapter(persistent(new float[] {1, -2, 3, 0.5f, 0, 7}, 2, 3)));
    parameters.put("b", Parameter.adapter(persistent(new float[] {0.1f, -0.2f}, 2)));
    return parameters;
  }

  /** Steps {@code from} (inclusive) to {@code to} on gradients that depend on the step alone. */
  private static void train(
      Map<String, Parameter> parameters, Optimizer optimizer, int from, int to) {
    for (int step = from; step < to; step++) {
      RandomStream random = new RandomStream(SEED + step);
      try (Scope _ = DEVICE.memory().step()) {
        for (Parameter p : parameters.values()) {
          p.variable().backward(random.uniform(DEVICE, DType.F32, p.shape(), -1, 1));
        }
        optimizer.step(0.01, one());
        optimizer.zeroGrad();
      }
    }
  }

  private static Tensor one() {
    return Tensor.full(DEVICE, DType.F32, Shape.scalar(), 1);
  }

  /** Copies, as a file would hold them: the state itself goes on with the optimizer. */
  private static Map<String, Tensor> copies(Map<String, Tensor> tensors) {
    Map<String, Tensor> copies = new LinkedHashMap<>();
    tensors.forEach((name, tensor) -> copies.put(name, tensor.persistent()));
    return copies;
  }

  private static void assertSameBits(Map<String, Tensor> expected, Map<String, Tensor> found) {
    assertEquals(expected.keySet(), found.keySet());
    expected.forEach(
        (name, tensor) ->
            assertArrayEquals(tensor.toFloatArray(), found.get(name).toFloatArray(), name));
  }

  private static Map<String, Tensor> data(Map<String, Parameter> parameters) {
    Map<String, Tensor> data = new LinkedHashMap<>();
    parameters.forEach((name, parameter) -> data.put(name, parameter.data()));
    return data;
  }

  @ParameterizedTest
  @MethodSource("optimizers")
  void continuingGivesTheBitsOfNotStopping(Maker maker) {
    Map<String, Parameter> whole = parameters();
    Optimizer uninterrupted = maker.apply(whole);
    train(whole, uninterrupted, 0, 3);
    Map<String, Tensor> state = copies(uninterrupted.state());
    Map<String, Tensor> weights = copies(data(whole));
    train(whole, uninterrupted, 3, 7);

    Map<String, Parameter> second = parameters();
    second.forEach((name, parameter) -> parameter.assign(weights.get(name)));
    Optimizer continued = maker.apply(second);
    continued.restore(3, state);
    train(second, continued, 3, 7);

    assertEquals(7, continued.steps());
    assertSameBits(data(whole), data(second));
    assertSameBits(uninterrupted.state(), continued.state());
  }

  @Test
  void restoringNamesAllProblemsAndChangesNothing() {
    Map<String, Parameter> parameters = parameters();
    Optimizer optimizer = new AdamW(parameters, AdamW.Settings.DEFAULT);
    train(parameters, optimizer, 0, 2);
    Map<String, Tensor> before = copies(optimizer.state());
    Map<String, Tensor> saved =
        Map.of(
            "w.exp_avg", persistent(new float[6], 3, 2),
            "w.exp_avg_sq", persistent(new float[6], 2, 3),
            "b.exp_avg", persistent(new float[3], 3));
    ShapeException e = assertThrows(ShapeException.class, () -> optimizer.restore(9, saved));
    assertEquals(
        "restore optimizer: w.exp_avg is [3, 2], not [2, 3]; b.exp_avg is [3], not [2];"
            + " b.exp_avg_sq is missing",
        e.getMessage());
    assertSameBits(before, optimizer.state());
    assertEquals(2, optimizer.steps());
  }

  @Test
  void withoutMomentumSgdKeepsNoStateAndStepsPlainly() {
    Map<String, Parameter> parameters =
        Map.of("w", Parameter.adapter(persistent(new float[] {1, -2}, 2)));
    Optimizer sgd = new Sgd(parameters, 0, 0.5);
    assertEquals(Map.of(), sgd.state());
    for (int step = 0; step < 2; step++) {
      try (Scope _ = DEVICE.memory().step()) {
        Tensor gradient = Tensor.of(DEVICE, new float[] {4, 8}, 2);
        parameters.get("w").variable().backward(gradient);
        sgd.step(0.25, Tensor.full(DEVICE, DType.F32, Shape.scalar(), 0.5));
        sgd.zeroGrad();
      }
    }
    // p' = p - 0.25 (0.5 g + 0.5 p): 1, 0.375, -0.171875 and -2, -2.75, -3.40625
    assertArrayEquals(
        new float[] {-0.171875f, -3.40625f}, parameters.get("w").data().toFloatArray());
    assertEquals(2, sgd.steps());
  }

  @ParameterizedTest
  @MethodSource("optimizers")
  void parametersWithoutGradientStayAsTheyAre(Maker maker) {
    Map<String, Parameter> parameters = parameters();
    Optimizer optimizer = maker.apply(parameters);
    train(parameters, optimizer, 0, 1);
    Map<String, Tensor> before = copies(data(parameters));
    Map<String, Tensor> state = copies(optimizer.state());
    try (Scope _ = DEVICE.memory().step()) {
      parameters.get("b").variable().backward(Tensor.of(DEVICE, new float[] {1, 1}, 2));
      optimizer.step(0.01, one());
      optimizer.zeroGrad();
    }
    assertArrayEquals(
        before.get("w").toFloatArray(), parameters.get("w").data().toFloatArray(), "w");
    for (String name : state.keySet()) {
      float[] now = optimizer.state().get(name).toFloatArray();
      boolean same = Arrays.equals(state.get(name).toFloatArray(), now);
      assertEquals(name.startsWith("w."), same, name);
    }
    float[] b = parameters.get("b").data().toFloatArray();
    assertFalse(Arrays.equals(before.get("b").toFloatArray(), b), "b");
  }

  @Test
  void frozenParametersAreLeftOut() {
    Map<String, Parameter> parameters = parameters();
    parameters.get("w").setTrainable(false);
    Optimizer optimizer = new AdamW(parameters, AdamW.Settings.DEFAULT);
    assertEquals(Set.of("b.exp_avg", "b.exp_avg_sq"), optimizer.state().keySet());
    parameters.get("b").setTrainable(false);
    GranulaException e =
        assertThrows(GranulaException.class, () -> new AdamW(parameters, AdamW.Settings.DEFAULT));
    assertEquals("optimizer: no parameter is trainable; attach an adapter first", e.getMessage());
  }

  @Test
  void clippingNeedsAGradientAndLeavesSmallOnesAlone() {
    Map<String, Parameter> parameters = parameters();
    GranulaException e =
        assertThrows(GranulaException.class, () -> Clipping.of(parameters.values(), 1));
    assertEquals("clip: no parameter has a gradient; call backward first", e.getMessage());
    try (Scope _ = DEVICE.memory().step()) {
      parameters.get("b").variable().backward(Tensor.of(DEVICE, new float[] {3, 4}, 2));
      assertEquals(5, Clipping.of(parameters.values(), 0).norm().item());
      assertEquals(1, Clipping.of(parameters.values(), 0).factor().item());
      assertEquals(1, Clipping.of(parameters.values(), 6).factor().item());
      assertEquals(0.5, Clipping.of(parameters.values(), 2.5).factor().item(), 1e-6);
    }
  }
}
