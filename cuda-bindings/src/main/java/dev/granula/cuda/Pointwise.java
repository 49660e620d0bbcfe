package dev.granula.cuda;

import dev.granula.tensor.DType;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Expressions, copies and fills: printed kernels with one thread for each pack of elements. */
final class Pointwise {
  private record Key(
      Expression expression,
      List<DType> in,
      int scalars,
      DType out,
      Write write,
      List<Access> access) {}

  private record Copy(DType dtype, List<Access> access) {}

  /**
   * @param real the type of its arithmetic and its scalars
   */
  private record Printed(Kernels.Kernel kernel, DType real, List<Access> access) {}

  private final Kernels kernels;
  private final Map<Key, Printed> expressions = new HashMap<>();
  private final Map<Copy, Printed> copies = new HashMap<>();

  Pointwise(Kernels kernels) {
    this.kernels = kernels;
  }

  void evaluate(Expression expression, List<Tensor> in, double[] scalars, Tensor out, Write write) {
    Tensor[] all = new Tensor[in.size()];
    DType[] types = new DType[all.length];
    for (int i = 0; i < all.length; i++) {
      all[i] = in.get(i).expand(out.shape());
      types[i] = all[i].dtype();
    }
    List<Access> access = Access.of(out, all);
    Key key = new Key(expression, List.of(types), scalars.length, out.dtype(), write, access);
    run(expressions.computeIfAbsent(key, this::print), out, all, scalars);
  }

  private Printed print(Key key) {
    String source =
        PointwiseSource.evaluate(
            key.expression, key.in, key.scalars, key.out, key.write, key.access);
    return printed(source, PointwiseSource.real(key.in, key.out), key.access);
  }

  private Printed printed(String source, DType real, List<Access> access) {
    return new Printed(kernels.load(source, PointwiseSource.KERNEL, real), real, access);
  }

  void copy(Tensor in, Tensor out) {
    if (in.dtype() == out.dtype()) {
      Tensor[] all = {in.expand(out.shape())};
      Copy key = new Copy(out.dtype(), Access.of(out, all));
      run(copies.computeIfAbsent(key, this::print), out, all);
    } else {
      evaluate(Expression.input(0), List.of(in), new double[0], out, Write.SET);
    }
  }

  private Printed print(Copy key) {
    String source = PointwiseSource.copyBits(key.dtype, key.access);
    return printed(source, PointwiseSource.real(List.of(), key.dtype), key.access);
  }

  void fill(Tensor out, double value) {
    evaluate(Expression.scalar(0), List.of(), new double[] {value}, out, Write.SET);
  }

  private void run(Printed printed, Tensor out, Tensor[] in, double... scalars) {
    if (out.elementCount() == 0) {
      return;
    }
    long packs = out.elementCount() / Access.width(printed.access);
    Launch launch = kernels.launch(printed.kernel).words(packs);
    printed.access.getFirst().add(launch, out);
    for (int i = 0; i < in.length; i++) {
      printed.access.get(i + 1).add(launch, in[i]);
    }
    for (double scalar : scalars) {
      launch.real(printed.real, scalar);
    }
    launch.runElements(packs);
  }
}
