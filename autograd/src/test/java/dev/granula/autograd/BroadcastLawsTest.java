package dev.granula.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.granula.tensor.DType;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** The laws of broadcasting, for values and gradients, over random shapes with sizes 0 and 1. */
final class BroadcastLawsTest {
  /** Two shapes that broadcast, with the seed of their values. */
  record Pair(Shape left, Shape right, long seed) {
    Variable leftLeaf() {
      return Variable.leaf(new Points(seed).any(left.toArray()));
    }

    Variable rightLeaf() {
      return Variable.leaf(new Points(seed + 1).any(right.toArray()));
    }
  }

  @Provide
  Arbitrary<Pair> pairs() {
    Arbitrary<List<Long>> full = Arbitraries.longs().between(0, 4).list().ofMaxSize(4);
    Arbitrary<Long> masks = Arbitraries.longs().between(0, 255);
    Arbitrary<Long> seeds = Arbitraries.longs().between(0, 1 << 20);
    return Combinators.combine(full, masks, masks, seeds)
        .as((dims, a, b, seed) -> new Pair(narrow(dims, a), narrow(dims, b), seed));
  }

  /** Bits 0-3 of {@code mask} set dimensions to 1, bits 4-5 cut leading ones off. */
  private static Shape narrow(List<Long> dims, long mask) {
    int cut = (int) Math.min(dims.size(), mask >> 4 & 3);
    long[] result = new long[dims.size() - cut];
    for (int d = 0; d < result.length; d++) {
      result[d] = (mask >> d & 1) != 0 ? 1 : dims.get(d + cut);
    }
    return Shape.of(result);
  }

  private static double[] gradient(Variable leaf) {
    return leaf.grad().toDoubleArray();
  }

  private static Tensor upstream(Variable result) {
    return new Points(99).any(result.shape().toArray());
  }

  @Property(tries = 200)
  void shapesBroadcastSymmetrically(@ForAll("pairs") Pair pair) {
    Shape common = Shape.broadcast("test", pair.left, pair.right);
    assertEquals(common, Shape.broadcast("test", pair.right, pair.left));
    assertEquals(common, Shape.broadcast("test", common, pair.left));
    assertEquals(common, pair.leftLeaf().mul(pair.rightLeaf()).shape());
  }

  @Property(tries = 200)
  void anOpBroadcastsAsIfItsOperandsWereExpanded(@ForAll("pairs") Pair pair) {
    Variable a = pair.leftLeaf();
    Variable b = pair.rightLeaf();
    Variable product = a.mul(b);
    product.backward(upstream(product));
    Variable a2 = pair.leftLeaf();
    Variable b2 = pair.rightLeaf();
    long[] common = product.shape().toArray();
    Variable expanded = a2.expand(common).mul(b2.expand(common));
    expanded.backward(upstream(expanded));
    assertArrayEquals(product.data().toDoubleArray(), expanded.data().toDoubleArray());
    assertArrayEquals(gradient(a), gradient(a2), 1e-12);
    assertArrayEquals(gradient(b), gradient(b2), 1e-12);
  }

  @Property(tries = 200)
  void additionCommutesWithBroadcasting(@ForAll("pairs") Pair pair) {
    Variable a = pair.leftLeaf();
    Variable b = pair.rightLeaf();
    Variable forth = a.add(b);
    Variable back = b.add(a);
    assertArrayEquals(forth.data().toDoubleArray(), back.data().toDoubleArray());
    forth.backward(upstream(forth));
    double[] once = gradient(a);
    back.backward(upstream(back));
    assertArrayEquals(Arrays.stream(once).map(x -> 2 * x).toArray(), gradient(a), 1e-12);
  }

  /** The gradient of a repeated element is the sum over its copies: d sum(a + 0 b) / da = count. */
  @Property(tries = 200)
  void theGradientCountsTheCopies(@ForAll("pairs") Pair pair) {
    Variable a = pair.leftLeaf();
    Variable b = pair.rightLeaf();
    Variable sum = a.add(b);
    sum.backward(Tensor.full(Points.DEVICE, DType.F64, sum.shape(), 1));
    long copies =
        pair.left.elementCount() == 0 ? 0 : sum.shape().elementCount() / pair.left.elementCount();
    double[] expected = new double[(int) pair.left.elementCount()];
    Arrays.fill(expected, (double) copies);
    assertArrayEquals(expected, gradient(a), 0);
  }
}
