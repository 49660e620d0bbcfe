package dev.granula.gralora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;
import dev.granula.nn.Linear;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.Cpu;
import org.junit.jupiter.api.Test;

/**
 * I = O = 4, k = 2, r = 2, scale 1: an example whose digits show where each factor goes. A
 * block-diagonal pairing (input block n with output block n alone) would get the off-diagonal
 * blocks wrong.
 */
class WorkedExampleTest {
  private static final float[] A = {1, 2, 3, 4, 5, 6, 7, 8};
  private static final float[] B = {1, 10, 2, 20, 3, 30, 4, 40};
  private static final float[] DELTA = {
    1, 3, 10, 14, 10, 30, 100, 140, 6, 12, 24, 32, 60, 120, 240, 320
  };

  private final Device device = Cpu.device();

  private Adapters example(Layers.One model) {
    Adapters adapters = Adapters.on(model, null, new RandomStream(0));
    GraLoraConfig config =
        GraLoraConfig.DEFAULT.withRank(2, 0, 2).withAlpha(2).withTargets(Targets.names("lin"));
    adapters.attach("default", config, 0);
    Adapter adapter = adapters.layers().get("lin").adapters().get("default");
    adapter.factors().get(0).assign(Tensor.of(device, A, 2, 2, 2));
    adapter.factors().get(1).assign(Tensor.of(device, B, 2, 2, 2));
    return adapters;
  }

  private Layers.One zeroModel() {
    Tensor zero = Tensor.zeros(device, DType.F32, Shape.of(4, 4)).persistent();
    return new Layers.One(Linear.of(zero, null));
  }

  @Test
  void deltaWeight() {
    Layers.One model = zeroModel();
    Adapter adapter = example(model).layers().get("lin").adapters().get("default");
    assertArrayEquals(DELTA, adapter.deltaWeight().toFloatArray());
  }

  @Test
  void forward() {
    Layers.One model = zeroModel();
    example(model);
    float[] x = {1, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4};
    Variable y = model.forward(Variable.constant(Tensor.of(device, x, 3, 4)));
    float[] expected = {1, 10, 6, 60, 3, 30, 12, 120, 93, 930, 230, 2300};
    assertArrayEquals(expected, y.data().toFloatArray());
  }

  @Test
  void mergedWeight() {
    Layers.One model = zeroModel();
    example(model).mergeAndUnload(null);
    assertArrayEquals(DELTA, ((Linear) model.lin.get()).weight().data().toFloatArray());
  }
}
