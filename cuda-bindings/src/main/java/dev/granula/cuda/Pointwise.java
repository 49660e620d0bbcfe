package dev.granula.cuda;

import dev.granula.tensor.DType;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Expressions, copies and fills: all are printed kernels with one thread for each element. */
final class Pointwise {
  private record Key(Expression expression, List<DType> in, int scalars, DType out, Write write) {}

  private final Kernels kernels;
  private final Map<Key, String> sources = new HashMap<>();

  Pointwise(Kernels kernels) {
    this.kernels = kernels;
  }

  void evaluate(Expression expression, List<Tensor> in, double[] scalars, Tensor out, Write write) {
    List<DType> types = in.stream().map(Tensor::dtype).toList();
    Key key = new Key(expression, types, scalars.length, out.dtype(), write);
    run(sources.computeIfAbsent(key, Pointwise::print), in, scalars, out);
  }

  private static String print(Key key) {
    return PointwiseSource.evaluate(key.expression, key.in, key.scalars, key.out, key.write);
  }

  void copy(Tensor in, Tensor out) {
    if (in.dtype() == out.dtype()) {
      run(PointwiseSource.copyBits(out.dtype()), List.of(in), new double[0], out);
    } else {
      evaluate(Expression.input(0), List.of(in), new double[0], out, Write.SET);
    }
  }

  void fill(Tensor out, double value) {
    evaluate(Expression.scalar(0), List.of(), new double[] {value}, out, Write.SET);
  }

  private void run(String source, List<Tensor> in, double[] scalars, Tensor out) {
    if (out.elementCount() == 0) {
      return;
    }
    DType real = PointwiseSource.real(in.stream().map(Tensor::dtype).toList(), out.dtype());
    Launch launch = kernels.launchSource(source, PointwiseSource.KERNEL, real);
    launch.words(out.elementCount()).view(out);
    for (Tensor tensor : in) {
      launch.view(tensor.expand(out.shape()));
    }
    for (double scalar : scalars) {
      launch.real(real, scalar);
    }
    launch.runElements(out.elementCount());
  }
}
