package dev.granula.bench.work;

import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;
import dev.granula.gralora.AdapterConfig;
import dev.granula.gralora.Adapters;
import dev.granula.gralora.GraLoraConfig;
import dev.granula.gralora.LoraConfig;
import dev.granula.gralora.Targets;
import dev.granula.nn.Layer;
import dev.granula.nn.Linear;
import dev.granula.nn.Module;
import dev.granula.nn.Parameter;
import dev.granula.nn.Slot;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import java.util.Collection;

/** One adapted linear layer, 512 to 1376 wide, forward and backward on 1024 rows. */
public final class LayerPass implements Runnable {
  private static final long ROWS = 1024;
  private static final long IN = 512;
  private static final long OUT = 1376;

  private final Device device;
  private final Projection model;
  private final Collection<Parameter> factors;
  private final Variable input;
  private final Tensor gradient;

  /** A model of one layer. */
  private static final class Projection extends Module {
    private final Slot<Layer> projection;

    Projection(Linear linear) {
      projection = slot("proj", linear);
    }

    Variable forward(Variable x) {
      return projection.get().forward(x);
    }
  }

  /**
   * @param blocks GraLoRA's k, or 0 for LoRA
   */
  public LayerPass(Device device, int rank, int blocks) {
    this.device = device;
    model = new Projection(Linear.of(random(1, OUT, IN), null));
    Adapters adapters = Adapters.on(model, null, new RandomStream(1));
    adapters.attach(Adapters.DEFAULT, config(rank, blocks), 1);
    factors = adapters.parameters().values();
    input = Variable.leaf(random(2, ROWS, IN));
    gradient = random(3, ROWS, OUT);
    model.setTraining(true);
  }

  private static AdapterConfig config(int rank, int blocks) {
    Targets targets = Targets.names("proj");
    double alpha = 2.0 * rank;
    return blocks == 0
        ? LoraConfig.DEFAULT.withRank(rank).withAlpha(alpha).withTargets(targets)
        : GraLoraConfig.DEFAULT.withRank(rank, 0, blocks).withAlpha(alpha).withTargets(targets);
  }

  private Tensor random(long seed, long rows, long columns) {
    Tensor tensor = Tensor.emptyPersistent(device, DType.F32, Shape.of(rows, columns));
    device.backend().uniform(seed, 0, tensor);
    return tensor;
  }

  @Override
  public void run() {
    try (var _ = device.memory().step()) {
      model.forward(input).backward(gradient);
      input.zeroGrad();
      factors.forEach(Parameter::zeroGrad);
    }
  }
}
