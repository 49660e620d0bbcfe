package dev.granula.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.autograd.Variable;
import dev.granula.tensor.DType;
import dev.granula.tensor.DTypeException;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Scope;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.CpuDevice;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Weights: training and freezing, element types, and assignment. */
final class ParameterTest {
  private static final float[] VALUES = {1, -2.5f, 0.15625f, 1024};

  private final CpuDevice device = CpuDevice.of("reference", 1, Memory.Debug.POISON);
  private Scope step;

  @BeforeEach
  void open() {
    step = device.memory().step();
  }

  @AfterEach
  void close() {
    step.close();
    device.close();
  }

  private Tensor values(DType dtype) {
    return Tensor.of(device, VALUES, 2, 2).to(dtype).persistent();
  }

  @Test
  void basesAreFrozenAndAdaptersTrain() {
    Parameter base = Parameter.base(values(DType.F32));
    Parameter adapter = Parameter.adapter(values(DType.F32));
    assertEquals(Parameter.Role.BASE, base.role());
    assertEquals(Parameter.Role.ADAPTER, adapter.role());
    assertFalse(base.isTrainable());
    assertTrue(adapter.isTrainable());
  }

  @Test
  void trainingAndFreezingKeepTheData() {
    Parameter parameter = Parameter.base(values(DType.F32));
    Tensor data = parameter.data();
    parameter.setTrainable(true);
    parameter.variable().backward(Tensor.full(device, DType.F32, parameter.shape(), 3));
    Variable trained = parameter.variable();
    parameter.setTrainable(true);
    assertSame(trained, parameter.variable());
    assertEquals(3, parameter.grad().load(0));
    parameter.zeroGrad();
    assertNull(parameter.grad());
    parameter.setTrainable(false);
    assertFalse(parameter.isTrainable());
    assertSame(data, parameter.data());
  }

  @ParameterizedTest
  @EnumSource(names = {"BF16", "F16"})
  void halfPrecisionTrainsOnlyWhenWidened(DType half) {
    Parameter parameter = Parameter.base(values(half));
    DTypeException e = assertThrows(DTypeException.class, () -> parameter.setTrainable(true));
    assertEquals(
        "train: gradients need F32 or F64, the parameter is %s[2, 2] on cpu:reference; widen it first"
            .formatted(half),
        e.getMessage());
    assertFalse(parameter.isTrainable());
    parameter.setTrainable(false);

    parameter.widen();
    assertEquals(DType.F32, parameter.dtype());
    assertArrayEquals(VALUES, parameter.data().toFloatArray());
    assertTrue(parameter.data().storage().isPersistent());
    parameter.setTrainable(true);
    assertTrue(parameter.isTrainable());
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "F64"})
  void wideParametersStayWhatTheyAre(DType wide) {
    Parameter parameter = Parameter.adapter(values(wide));
    Variable before = parameter.variable();
    parameter.widen();
    assertSame(before, parameter.variable());
  }

  @Test
  void assigningConvertsTheElementType() {
    Parameter parameter =
        Parameter.base(Tensor.zeros(device, DType.F32, values(DType.BF16).shape()).persistent());
    parameter.assign(values(DType.BF16));
    assertEquals(DType.F32, parameter.dtype());
    assertArrayEquals(VALUES, parameter.data().toFloatArray());
  }

  @Test
  void assigningAnotherShapeIsRefused() {
    Parameter parameter = Parameter.base(values(DType.F32));
    Tensor flat = Tensor.zeros(device, DType.F32, values(DType.F32).reshape(4).shape());
    ShapeException e = assertThrows(ShapeException.class, () -> parameter.assign(flat));
    assertEquals("assign: the parameter is [2, 2], the values are [4]", e.getMessage());
    assertArrayEquals(VALUES, parameter.data().toFloatArray());
  }

  @Test
  void memoryOfTheStepIsRefused() {
    Tensor ofStep = Tensor.of(device, VALUES, 4);
    for (Runnable maker :
        new Runnable[] {() -> Parameter.base(ofStep), () -> Parameter.adapter(ofStep)}) {
      ShapeException e = assertThrows(ShapeException.class, maker::run);
      assertEquals(
          "parameter: the memory of F32[4] on cpu:reference ends with its step; use Tensor.persistent",
          e.getMessage());
    }
  }
}
