package dev.granula.samples;

import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;
import dev.granula.nn.Linear;
import dev.granula.nn.optim.AdamW;
import dev.granula.nn.optim.Clipping;
import dev.granula.nn.optim.Schedule;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.Cpu;
import java.io.PrintStream;

/**
 * Lesson 3: training. A linear layer finds the weights that made its data, with the same optimizer,
 * schedule and clipping that train a language model.
 */
public final class Lesson03FirstFit {
  private static final int STEPS = 200;
  private static final long SEED = 42;

  private Lesson03FirstFit() {}

  public static void main(String[] args) {
    run(System.out);
  }

  static double run(PrintStream out) {
    Device device = Cpu.device();
    RandomStream random = new RandomStream(SEED);
    Tensor truth = random.uniform(device, DType.F32, Shape.of(2, 3), -1, 1).persistent();
    Linear model = Linear.of(Tensor.zeros(device, DType.F32, Shape.of(2, 3)).persistent(), null);
    model.weight().setTrainable(true);

    AdamW optimizer = new AdamW(model.namedParameters(), AdamW.Settings.DEFAULT);
    Schedule schedule = Schedule.of(Schedule.Kind.COSINE, 0.05, 0.1, STEPS);
    double last = Double.NaN;
    for (int i = 0; i < STEPS; i++) {
      try (var step = device.memory().step()) {
        Variable x = Variable.constant(random.uniform(device, DType.F32, Shape.of(16, 3), -1, 1));
        Variable wanted = x.linear(Variable.constant(truth), null);
        Variable loss = model.forward(x).mse(wanted);
        loss.backward();
        Clipping clipping = Clipping.of(model.namedParameters().values(), 1);
        optimizer.step(schedule.rate(i), clipping.factor());
        optimizer.zeroGrad();
        last = loss.item();
        if (i % 50 == 0 || i == STEPS - 1) {
          out.printf("step %3d  loss %.6f%n", i, last);
        }
      }
    }
    return last;
  }
}
