package dev.granula.cuda;

import dev.granula.tensor.DType;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Expressions, copies and fills: all are printed kernels with one thread for each element. */
final class Pointwise {
  private record Key(Expression expression, List<DType> in, int scalars, DType out, Write write) {}

  /**
   * @param real the type of its arithmetic and its scalars
   */
  private record Printed(Kernels.Kernel kernel, DType real) {}

  private final Kernels kernels;
  private final Map<Key, Printed> expressions = new HashMap<>();
  private final Map<DType, Printed> copies = new EnumMap<>(DType.class);

  Pointwise(Kernels kernels) {
    this.kernels = kernels;
  }

  void evaluate(Expression expression, List<Tensor> in, double[] scalars, Tensor out, Write write) {
    DType[] types = new DType[in.size()];
    for (int i = 0; i < types.length; i++) {
      types[i] = in.get(i).dtype();
    }
    Key key = new Key(expression, List.of(types), scalars.length, out.dtype(), write);
    run(expressions.computeIfAbsent(key, this::print), in, scalars, out);
  }

  private Printed print(Key key) {
    String source =
        PointwiseSource.evaluate(key.expression, key.in, key.scalars, key.out, key.write);
    return printed(source, PointwiseSource.real(key.in, key.out));
  }

  private Printed printed(String source, DType real) {
    return new Printed(kernels.load(source, PointwiseSource.KERNEL, real), real);
  }

  void copy(Tensor in, Tensor out) {
    if (in.dtype() == out.dtype()) {
      run(copies.computeIfAbsent(out.dtype(), this::printCopy), List.of(in), new double[0], out);
    } else {
      evaluate(Expression.input(0), List.of(in), new double[0], out, Write.SET);
    }
  }

  private Printed printCopy(DType dtype) {
    return printed(PointwiseSource.copyBits(dtype), PointwiseSource.real(List.of(), dtype));
  }

  void fill(Tensor out, double value) {
    evaluate(Expression.scalar(0), List.of(), new double[] {value}, out, Write.SET);
  }

  private void run(Printed printed, List<Tensor> in, double[] scalars, Tensor out) {
    if (out.elementCount() == 0) {
      return;
    }
    Launch launch = kernels.launch(printed.kernel).words(out.elementCount()).view(out);
    for (Tensor tensor : in) {
      launch.view(tensor.expand(out.shape()));
    }
    for (double scalar : scalars) {
      launch.real(printed.real, scalar);
    }
    launch.runElements(out.elementCount());
  }
}
