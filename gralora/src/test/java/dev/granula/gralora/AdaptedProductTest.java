package dev.granula.gralora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.granula.autograd.Autograd;
import dev.granula.autograd.GradCheck;
import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.cpu.CpuDevice;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The fused operation against the dozen plain operations that it stands for, in F64. */
class AdaptedProductTest {
  /** Freed memory holds NaN, so that a gradient that is added to what was never set shows. */
  private static final Device DEVICE = CpuDevice.of("reference", 1, Memory.Debug.POISON);

  private static final long SEED = 7;
  private static final double SCALE = 1.75;

  @AfterAll
  static void close() {
    DEVICE.close();
  }

  /** GraLoRA as the derivation reads: cut, multiply, permute, multiply, join. */
  static Variable composed(List<Variable> in, int k, double scale) {
    Variable x = in.get(0);
    Variable a = in.get(2);
    Variable b = in.get(3);
    long rows = x.shape().dim(0);
    long r = a.shape().dim(2);
    Variable blocks = x.reshape(rows, k, x.shape().dim(1) / k).permute(1, 0, 2);
    Variable u = blocks.matmul(a);
    Variable z = u.reshape(k, rows, k, r / k).permute(2, 1, 0, 3).reshape(k, rows, r);
    Variable y = z.matmul(b).permute(1, 0, 2).reshape(rows, -1);
    Variable update = y;
    if (in.size() > 4) {
      update = y.add(x.linear(in.get(4), null).linear(in.get(5), null));
    }
    return x.linear(in.get(1), null).add(update.scale(scale));
  }

  private static List<Variable> inputs(int rows, int in, int out, int k, int r, int h) {
    RandomStream random = new RandomStream(SEED);
    List<Variable> list = new ArrayList<>();
    long[][] shapes = {{rows, in}, {out, in}, {k, in / k, r}, {k, r, out / k}, {h, in}, {out, h}};
    for (int i = 0; i < (h > 0 ? 6 : 4); i++) {
      list.add(Variable.leaf(Layers.random(DEVICE, DType.F64, random, shapes[i])));
    }
    return list;
  }

  @ParameterizedTest
  @CsvSource({"3,4,4,1,2,0", "5,8,12,2,4,0", "5,8,12,4,8,3", "1,6,3,3,6,1", "7,10,15,5,5,2"})
  void sameAsComposed(int rows, int in, int out, int k, int r, int h) {
    for (int pass = 0; pass < 2; pass++) {
      try (Scope _ = DEVICE.memory().step()) {
        checkSameAsComposed(rows, in, out, k, r, h);
      }
    }
  }

  private static void checkSameAsComposed(int rows, int in, int out, int k, int r, int h) {
    List<Variable> fusedIn = inputs(rows, in, out, k, r, h);
    List<Variable> composedIn = inputs(rows, in, out, k, r, h);
    var term = new AdaptedProduct.Term(k, SCALE, h > 0, 0, 0, 0);
    Variable fused =
        Autograd.apply(new AdaptedProduct(List.of(term)), fusedIn.toArray(Variable[]::new));
    Variable composed = composed(composedIn, k, SCALE);
    assertArrayEquals(composed.data().toDoubleArray(), fused.data().toDoubleArray(), 1e-12);
    Tensor g = Layers.random(DEVICE, DType.F64, new RandomStream(11), rows, out);
    fused.backward(g);
    composed.backward(g);
    for (int i = 0; i < fusedIn.size(); i++) {
      assertArrayEquals(
          composedIn.get(i).grad().toDoubleArray(),
          fusedIn.get(i).grad().toDoubleArray(),
          1e-12,
          "gradient of input " + i);
    }
  }

  /**
   * Two adapters with dropout on inputs [B, T, I]: each has one mask for its block and hybrid part.
   */
  @Test
  void termsWithDropoutOnThreeDimensions() {
    List<Variable> in = inputs(6, 8, 12, 2, 4, 3);
    in.addAll(inputs(6, 8, 12, 4, 4, 0).subList(2, 4));
    Tensor flat = in.getFirst().data();
    in.set(0, Variable.leaf(flat.reshape(2, 3, 8)));
    List<AdaptedProduct.Term> terms =
        List.of(
            new AdaptedProduct.Term(2, SCALE, true, 0.4, SEED, 3),
            new AdaptedProduct.Term(4, 0.5, false, 0.25, SEED, 99));
    Variable fused = Autograd.apply(new AdaptedProduct(terms), in.toArray(Variable[]::new));
    Tensor g = Layers.random(DEVICE, DType.F64, new RandomStream(11), 6, 12);
    fused.backward(g.reshape(2, 3, 12));

    Variable x = Variable.leaf(flat.copy());
    List<Variable> f = new ArrayList<>();
    in.subList(1, in.size()).forEach(v -> f.add(Variable.leaf(v.data().copy())));
    Variable none = Variable.constant(Tensor.zeros(DEVICE, DType.F64, Shape.of(12, 8)));
    Variable first = x.mul(mask(0.4, 3));
    Variable second = x.mul(mask(0.25, 99));
    Variable expected =
        x.linear(f.get(0), null)
            .add(composed(List.of(first, none, f.get(1), f.get(2), f.get(3), f.get(4)), 2, SCALE))
            .add(composed(List.of(second, none, f.get(5), f.get(6)), 4, 0.5));
    expected.backward(g);
    assertArrayEquals(expected.data().toDoubleArray(), fused.data().toDoubleArray(), 1e-12);
    assertArrayEquals(x.grad().toDoubleArray(), in.getFirst().grad().toDoubleArray(), 1e-12);
    for (int i = 0; i < f.size(); i++) {
      double[] gradient = in.get(i + 1).grad().toDoubleArray();
      assertArrayEquals(f.get(i).grad().toDoubleArray(), gradient, 1e-12, "factor " + i);
    }
  }

  private static Variable mask(double probability, long counter) {
    Tensor ones = Tensor.full(DEVICE, DType.F64, Shape.of(6, 8), 1);
    Tensor mask = Tensor.empty(DEVICE, DType.F64, Shape.of(6, 8));
    DEVICE.backend().dropout(ones, probability, SEED, counter, mask, Write.SET);
    return Variable.constant(mask);
  }

  @Test
  void gradientsAgreeWithDifferences() {
    AdaptedProduct op =
        new AdaptedProduct(List.of(new AdaptedProduct.Term(2, SCALE, true, 0, 0, 0)));
    Tensor[] points = inputs(3, 4, 6, 2, 4, 1).stream().map(Variable::data).toArray(Tensor[]::new);
    GradCheck.standard()
        .check("adapted product", in -> Autograd.apply(op, in.toArray(Variable[]::new)), points)
        .orThrow();
  }

  @Test
  void factorsThatDoNotFitAreRefused() {
    AdaptedProduct op =
        new AdaptedProduct(List.of(new AdaptedProduct.Term(2, SCALE, false, 0, 0, 0)));
    Variable[] in = inputs(3, 8, 12, 4, 4, 0).toArray(Variable[]::new);
    assertThrows(ShapeException.class, () -> Autograd.apply(op, in));
  }
}
