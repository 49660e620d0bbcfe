package dev.granula.nn.optim;

import dev.granula.nn.Parameter;
import dev.granula.tensor.GranulaException;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What optimizers with persistent moments per parameter share. */
abstract class MomentOptimizer implements Optimizer {
  private final Map<String, Parameter> parameters;
  private final Map<String, Map<String, Tensor>> moments = new LinkedHashMap<>();
  private long steps;

  /** {@code momentNames}: one zeroed tensor of the parameter's shape is kept for each. */
  MomentOptimizer(Map<String, Parameter> parameters, String... momentNames) {
    this.parameters = new LinkedHashMap<>(parameters);
    this.parameters.values().removeIf(p -> !p.isTrainable());
    if (this.parameters.isEmpty()) {
      throw new GranulaException("optimizer: no parameter is trainable; attach an adapter first");
    }
    for (String name : momentNames) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      this.parameters.forEach((path, parameter) -> tensors.put(path, zeros(parameter)));
      moments.put(name, tensors);
    }
  }

  private static Tensor zeros(Parameter parameter) {
    Tensor data = parameter.data();
    Tensor zeros = Tensor.emptyPersistent(data.device(), data.dtype(), data.shape());
    data.backend().fill(zeros, 0);
    return zeros;
  }

  /** The tensors of one step, in the same order: parameters, gradients, then each moment. */
  final List<List<Tensor>> operands() {
    List<List<Tensor>> lists = new ArrayList<>();
    for (int i = 0; i < 2 + moments.size(); i++) {
      lists.add(new ArrayList<>());
    }
    parameters.forEach(
        (path, parameter) -> {
          Tensor gradient = parameter.grad();
          if (gradient != null) {
            lists.get(0).add(parameter.data());
            lists.get(1).add(gradient);
            int next = 2;
            for (Map<String, Tensor> tensors : moments.values()) {
              lists.get(next++).add(tensors.get(path));
            }
          }
        });
    return lists;
  }

  final long countStep() {
    return ++steps;
  }

  @Override
  public long steps() {
    return steps;
  }

  @Override
  public void zeroGrad() {
    parameters.values().forEach(Parameter::zeroGrad);
  }

  @Override
  public Map<String, Tensor> state() {
    Map<String, Tensor> state = new LinkedHashMap<>();
    moments.forEach(
        (name, tensors) -> tensors.forEach((path, t) -> state.put(path + "." + name, t)));
    return state;
  }

  @Override
  public void restore(long taken, Map<String, Tensor> saved) {
    List<String> problems = new ArrayList<>();
    List<Runnable> copies = new ArrayList<>();
    state()
        .forEach(
            (name, own) -> {
              Tensor found = saved.get(name);
              if (found == null) {
                problems.add(name + " is missing");
              } else if (!found.shape().equals(own.shape())) {
                problems.add("%s is %s, not %s".formatted(name, found.shape(), own.shape()));
              } else {
                copies.add(() -> own.backend().copy(found, own));
              }
            });
    if (!problems.isEmpty()) {
      throw new ShapeException("restore optimizer: " + String.join("; ", problems));
    }
    copies.forEach(Runnable::run);
    steps = taken;
  }
}
