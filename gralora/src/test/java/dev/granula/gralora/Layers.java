package dev.granula.gralora;

import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;
import dev.granula.nn.Layer;
import dev.granula.nn.Linear;
import dev.granula.nn.Slot;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;

/** Small models for tests of adapters. */
final class Layers {
  private Layers() {}

  /** PEFT's test fixture: lin0 (10 to 20), ReLU, lin1 (20 to 2). */
  static final class Mlp extends Layer {
    final Slot<Layer> lin0;
    final Slot<Layer> lin1;

    Mlp(Device device, DType dtype, long seed) {
      RandomStream random = new RandomStream(seed);
      lin0 = slot("lin0", linear(device, dtype, random, 20, 10));
      lin1 = slot("lin1", linear(device, dtype, random, 2, 20));
    }

    @Override
    public Variable forward(Variable x) {
      return lin1.get().forward(lin0.get().forward(x).relu());
    }
  }

  /** One linear layer under the name {@code lin}. */
  static final class One extends Layer {
    final Slot<Layer> lin;

    One(Linear linear) {
      lin = slot("lin", linear);
    }

    @Override
    public Variable forward(Variable x) {
      return lin.get().forward(x);
    }
  }

  static Linear linear(Device device, DType dtype, RandomStream random, long out, long in) {
    Tensor weight = random(device, dtype, random, out, in).persistent();
    return Linear.of(weight, random(device, dtype, random, out).persistent());
  }

  static Tensor random(Device device, DType dtype, RandomStream random, long... dims) {
    return random.uniform(device, dtype, Shape.of(dims), -1, 1);
  }
}
