package dev.granula.autograd;

import dev.granula.autograd.ops.Cast;
import dev.granula.autograd.ops.Dropout;
import dev.granula.tensor.DType;
import dev.granula.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * A gradient check for every op and every input: plain, odd, empty, broadcast and strided shapes,
 * scalars, and one variable in several places.
 */
final class OpCases {
  /** A function, the points to check it at, and how. */
  record Case(
      String name,
      Function<List<Variable>, Variable> function,
      GradCheck check,
      List<Tensor> inputs) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static final double[] EIGHTHS = {
    0.125, -1, 2.5, 3, 0, -0.375, 1, 7, -2, 0.5, 0.25, -4, 1.5, 6, -0.875
  };

  private final Points points = new Points(7);
  private final List<Case> cases = new ArrayList<>();

  static List<Case> all() {
    OpCases made = new OpCases();
    made.pointwise();
    made.reductions();
    made.products();
    made.views();
    made.normalisations();
    made.losses();
    made.transformer();
    made.randomAndTypes();
    return List.copyOf(made.cases);
  }

  private void add(String name, Function<List<Variable>, Variable> function, Tensor... inputs) {
    cases.add(new Case(name, function, GradCheck.standard(), List.of(inputs)));
  }

  private void unary(String name, UnaryOperator<Variable> op, double low, double high) {
    Function<List<Variable>, Variable> f = in -> op.apply(in.getFirst());
    add(name + " odd", f, points.between(low, high, 3, 5));
    add(name + " scalar", f, points.between(low, high));
    add(name + " empty", f, points.between(low, high, 2, 0, 3));
    add(name + " transposed", f, points.between(low, high, 5, 3).transpose(0, 1));
    add(name + " sliced", f, points.between(low, high, 4, 7).slice(1, 2, 5));
  }

  private void binary(String name, BinaryOperator<Variable> op, double low, double high) {
    Function<List<Variable>, Variable> f = in -> op.apply(in.get(0), in.get(1));
    long[][][] shapes = {
      {{3, 5}, {3, 5}},
      {{3, 5}, {5}},
      {{3, 1}, {1, 5}},
      {{}, {2, 3}},
      {{2, 1, 3}, {4, 1}},
      {{2, 0, 3}, {1, 3}},
      {{2, 3}, {0, 2, 3}},
      {{1, 1}, {7}},
    };
    for (long[][] pair : shapes) {
      Tensor left = points.any(pair[0]);
      Tensor right = points.between(low, high, pair[1]);
      add("%s %s with %s".formatted(name, left.shape(), right.shape()), f, left, right);
    }
    add(
        name + " strided",
        f,
        points.transposed(3, 4),
        points.between(low, high, 6, 7).slice(0, 1, 4).slice(1, 3, 7));
    Function<List<Variable>, Variable> twice = in -> op.apply(in.getFirst(), in.getFirst());
    add(name + " with itself", twice, points.between(low, high, 2, 3));
  }

  private void pointwise() {
    binary("add", Variable::add, -2, 2);
    binary("sub", Variable::sub, -2, 2);
    binary("mul", Variable::mul, -2, 2);
    binary("div", Variable::div, 0.5, 2);
    binary("siluMul", Variable::siluMul, -2, 2);
    unary("add number", x -> x.add(1.5), -2, 2);
    unary("neg", Variable::neg, -2, 2);
    unary("scale", x -> x.scale(-0.7), -2, 2);
    unary("exp", Variable::exp, -2, 2);
    unary("log", Variable::log, 0.5, 3);
    unary("sqrt", Variable::sqrt, 0.5, 3);
    unary("rsqrt", Variable::rsqrt, 0.5, 3);
    unary("sigmoid", Variable::sigmoid, -4, 4);
    unary("tanh", Variable::tanh, -3, 3);
    unary("silu", Variable::silu, -4, 4);
    unary("gelu", Variable::gelu, -4, 4);
    unary("geluTanh", Variable::geluTanh, -4, 4);
    // One side of the kink at a time: at 0 there is no derivative to compare with.
    unary("relu above 0", Variable::relu, 0.1, 2);
    unary("relu below 0", Variable::relu, -2, -0.1);
  }

  private void reductions() {
    for (int dim : new int[] {0, 1, -1}) {
      for (boolean keep : new boolean[] {true, false}) {
        String where = " over %d%s".formatted(dim, keep ? ", kept" : "");
        add("sum" + where, in -> in.getFirst().sum(dim, keep), points.any(3, 4, 5));
        add("mean" + where, in -> in.getFirst().mean(dim, keep), points.transposed(2, 3, 5));
        add("sum empty" + where, in -> in.getFirst().sum(dim, keep), points.any(2, 0, 3));
      }
    }
    add("sum of all", in -> in.getFirst().sum(), points.sliced(3, 5));
    add("sum of a scalar", in -> in.getFirst().sum(), points.any());
    add("mean of all", in -> in.getFirst().mean(), points.transposed(3, 5));
    add("mse", in -> in.get(0).mse(in.get(1)), points.any(3, 5), points.any(3, 5));
  }

  private void products() {
    matmul("matmul", points.any(3, 5), points.any(5, 2));
    matmul("matmul batched", points.any(2, 3, 5), points.any(2, 5, 4));
    matmul("matmul broadcast left", points.any(3, 5), points.any(2, 5, 4));
    matmul("matmul broadcast right", points.any(2, 3, 5), points.any(5, 4));
    matmul("matmul broadcast both", points.any(2, 1, 3, 2), points.any(3, 2, 2));
    matmul("matmul vectors", points.any(1, 7), points.any(7, 1));
    matmul("matmul no rows", points.any(0, 5), points.any(5, 2));
    matmul("matmul inner 0", points.any(3, 0), points.any(0, 2));
    matmul("matmul empty batch", points.any(0, 3, 5), points.any(5, 2));
    matmul("matmul strided", points.transposed(3, 5), points.sliced(5, 2));
    matmul("matmul strided batch", points.transposed(2, 3, 5), points.any(5, 2, 4).transpose(0, 1));
    add("matmul with itself", in -> in.getFirst().matmul(in.getFirst()), points.any(3, 3));
    linear("linear", points.any(2, 3, 5), points.any(4, 5), points.any(4));
    linear("linear vector", points.any(5), points.any(4, 5), points.any(4));
    linear("linear no rows", points.any(0, 5), points.any(4, 5), points.any(4));
    linear("linear strided", points.transposed(3, 5), points.transposed(4, 5), points.sliced(4));
    add("linear with itself", in -> in.getFirst().linear(in.getFirst(), null), points.any(3, 3));
    Variable frozen = Variable.constant(points.any(4, 5).to(DType.BF16));
    add("linear, weight in BF16", in -> in.getFirst().linear(frozen, null), points.any(3, 5));
  }

  private void matmul(String name, Tensor a, Tensor b) {
    add(name, in -> in.get(0).matmul(in.get(1)), a, b);
  }

  private void linear(String name, Tensor x, Tensor weight, Tensor bias) {
    add(name, in -> in.get(0).linear(in.get(1), in.get(2)), x, weight, bias);
  }

  private void views() {
    add("reshape", in -> in.getFirst().reshape(3, -1), points.any(2, 3, 4));
    add("reshape with a copy", in -> in.getFirst().reshape(12), points.transposed(3, 4));
    add("reshape empty", in -> in.getFirst().reshape(0, 7), points.any(2, 0));
    add("reshape to a scalar", in -> in.getFirst().reshape(), points.any(1, 1));
    add("permute", in -> in.getFirst().permute(2, 0, -2), points.any(2, 3, 4));
    add("permute strided", in -> in.getFirst().permute(1, 0), points.sliced(3, 4));
    add("transpose empty", in -> in.getFirst().transpose(0, 1), points.any(0, 3));
    add("slice", in -> in.getFirst().slice(1, 1, 3), points.any(3, 4));
    add("slice strided", in -> in.getFirst().slice(-1, 1, 3), points.transposed(3, 4));
    add("slice of nothing", in -> in.getFirst().slice(0, 2, 2), points.any(3, 4));
    add("slices that overlap", OpCases::overlapping, points.any(5, 2));
    add("expand", in -> in.getFirst().expand(2, 3, 4), points.any(3, 1));
    add("expand a scalar", in -> in.getFirst().expand(2, 3), points.any());
    add("expand to nothing", in -> in.getFirst().expand(0, 3), points.any(1, 3));
    add("cat", in -> Variable.cat(1, in.get(0), in.get(1)), points.any(2, 3), points.any(2, 1));
    add("cat of one twice", in -> Variable.cat(0, in.get(0), in.get(0)), points.any(2, 3));
    add(
        "cat strided and empty",
        in -> Variable.cat(-1, in.get(0), in.get(1), in.get(2)),
        points.transposed(2, 3),
        points.any(2, 0),
        points.sliced(2, 2));
  }

  private static Variable overlapping(List<Variable> in) {
    Variable x = in.getFirst();
    return x.slice(0, 0, 3).mul(x.slice(0, 2, 5));
  }

  private void normalisations() {
    alongRows("softmax", Variable::softmax);
    alongRows("logSoftmax", Variable::logSoftmax);
    norm("", points.any(3, 7), points.any(7), points.any(7));
    norm(" deep", points.any(2, 3, 5), points.any(5), points.any(5));
    norm(" one row", points.any(5), points.any(5), points.any(5));
    norm(" no rows", points.any(0, 5), points.any(5), points.any(5));
    norm(" rows of nothing", points.any(3, 0), points.any(0), points.any(0));
    norm(" strided", points.transposed(3, 5), points.sliced(5), points.sliced(5));
    Function<List<Variable>, Variable> alone =
        in -> in.get(0).layerNorm(in.get(1), in.get(1), 1e-5);
    add("layerNorm, weight as bias", alone, points.any(3, 5), points.any(5));
  }

  private void alongRows(String name, UnaryOperator<Variable> op) {
    Function<List<Variable>, Variable> f = in -> op.apply(in.getFirst());
    add(name, f, points.any(3, 5));
    add(name + " deep", f, points.any(2, 3, 4));
    add(name + " one row", f, points.any(7));
    add(name + " one column", f, points.any(3, 1));
    add(name + " no rows", f, points.any(0, 5));
    add(name + " rows of nothing", f, points.any(3, 0));
    add(name + " strided", f, points.transposed(3, 5));
  }

  private void norm(String kind, Tensor x, Tensor weight, Tensor bias) {
    add("rmsNorm" + kind, in -> in.get(0).rmsNorm(in.get(1), 1e-5), x, weight);
    add("layerNorm" + kind, in -> in.get(0).layerNorm(in.get(1), in.get(2), 1e-5), x, weight, bias);
  }

  private void losses() {
    Tensor targets = Points.ids(2, -100, 0, 4);
    crossEntropy("", points.any(4, 5), targets);
    crossEntropy(" strided", points.transposed(4, 5), targets);
    crossEntropy(" all ignored", points.any(2, 5), Points.ids(-100, -1));
    crossEntropy(" no rows", points.any(0, 5), Points.ids());
    add("crossEntropy mean", in -> in.getFirst().crossEntropy(targets), points.any(4, 5));
    headCrossEntropy("", points.any(4, 3), points.any(5, 3), targets);
    headCrossEntropy(" strided", points.transposed(4, 3), points.transposed(5, 3), targets);
    headCrossEntropy(" no rows", points.any(0, 3), points.any(5, 3), Points.ids());
    Tensor fewer = Points.ids(2, -100, 0, 3);
    add(
        "headCrossEntropy, weight as hidden",
        in -> in.getFirst().headCrossEntropy(in.getFirst(), fewer, 0.3),
        points.any(4, 3));
    Variable frozen = Variable.constant(points.any(5, 3));
    add(
        "headCrossEntropy, frozen head",
        in -> in.getFirst().headCrossEntropy(frozen, targets, 0.3),
        points.any(4, 3));
    add(
        "headCrossEntropy, frozen hidden",
        in -> frozen.headCrossEntropy(in.getFirst(), Points.ids(1, 0, -1, 1, 0), 0.3),
        points.any(2, 3));
  }

  private void crossEntropy(String kind, Tensor logits, Tensor targets) {
    add("crossEntropy" + kind, in -> in.getFirst().crossEntropy(targets, 0.3), logits);
  }

  private void headCrossEntropy(String kind, Tensor hidden, Tensor weight, Tensor targets) {
    add(
        "headCrossEntropy" + kind,
        in -> in.get(0).headCrossEntropy(in.get(1), targets, 0.3),
        hidden,
        weight);
  }

  private void transformer() {
    Tensor ids = Points.ids(new int[] {1, 0, 1, 3}, 2, 2);
    add("embedding", in -> in.getFirst().embedding(ids), points.any(4, 3));
    add("embedding strided", in -> in.getFirst().embedding(ids), points.transposed(4, 3));
    add("embedding of nothing", in -> in.getFirst().embedding(Points.ids()), points.any(4, 3));
    add("embedding twice", OpCases::tiedEmbedding, points.any(4, 3));
    rotary("rotary", points.any(2, 3, 2, 6));
    rotary("rotary strided", points.any(2, 2, 3, 6).transpose(1, 2));
    rotary("rotary of nothing", points.any(2, 3, 0, 6));
    attention("attention", points.any(2, 3, 2, 4), points.any(2, 3, 2, 4), points.any(2, 3, 2, 4));
    attention(
        "attention grouped",
        points.any(1, 3, 6, 3),
        points.any(1, 3, 2, 3),
        points.any(1, 3, 2, 3));
    attention(
        "attention, longer keys",
        points.any(2, 2, 3, 5),
        points.any(2, 5, 1, 5),
        points.any(2, 5, 1, 5));
    attention(
        "attention of nothing",
        points.any(2, 0, 2, 4),
        points.any(2, 0, 2, 4),
        points.any(2, 0, 2, 4));
    attention("attention strided", heads(2, 3, 2, 4), heads(2, 3, 1, 4), heads(2, 3, 1, 4));
    attention(
        "attention, slices of longer operands",
        points.sliced(2, 2, 4, 3),
        points.sliced(2, 5, 2, 3),
        points.sliced(2, 5, 2, 3));
    attention(
        "attention, heads transposed",
        points.transposed(2, 3, 2, 4),
        points.transposed(2, 3, 1, 4),
        points.transposed(2, 3, 1, 4));
    add("attention, views of one projection", OpCases::fusedAttention, points.any(2, 3, 4, 5));
    Tensor first = Points.ids(new int[] {0, 0, 2, 2, 2, 5}, 1, 6);
    add(
        "attention packed",
        in -> in.get(0).attention(in.get(1), in.get(2), first, 0.5),
        points.any(1, 6, 2, 3),
        points.any(1, 6, 2, 3),
        points.any(1, 6, 2, 3));
    add(
        "attention, one variable as query, key and value",
        in -> in.getFirst().attention(in.getFirst(), in.getFirst(), null, 0.5),
        points.any(2, 3, 2, 4));
  }

  /** A lookup and a product with the same table, as in a model with a tied output head. */
  private static Variable tiedEmbedding(List<Variable> in) {
    Variable table = in.getFirst();
    return table.embedding(Points.ids(1, 3, 1)).linear(table, null);
  }

  /** q, k and v are slices of [B, T, H + 2 G, D], and the gradient comes back transposed. */
  private static Variable fusedAttention(List<Variable> in) {
    Variable qkv = in.getFirst();
    Variable k = qkv.slice(2, 2, 3);
    return qkv.slice(2, 0, 2).attention(k, qkv.slice(2, 3, 4), null, 0.5).transpose(1, 3);
  }

  /** Laid out as [B, H, T, D], so that a head's positions lie together. */
  private Tensor heads(long batch, long time, long heads, long size) {
    return points.any(batch, heads, time, size).transpose(1, 2);
  }

  private void rotary(String name, Tensor x) {
    Tensor positions = Points.ids(new int[] {0, 1, 2, 4, 0, 3}, 2, 3);
    Tensor cos = points.between(-1, 1, 5, 3);
    Tensor sin = points.between(-1, 1, 5, 3);
    add(name, in -> in.getFirst().rotary(positions, cos, sin), x);
  }

  private void attention(String name, Tensor q, Tensor k, Tensor v) {
    add(name, in -> in.get(0).attention(in.get(1), in.get(2), null, 0.5), q, k, v);
  }

  private void randomAndTypes() {
    Function<List<Variable>, Variable> dropout =
        in -> Autograd.apply(new Dropout(0.4, 5, 3), in.getFirst());
    add("dropout", dropout, points.any(3, 7));
    add("dropout strided", dropout, points.transposed(3, 7));
    add("dropout of nothing", dropout, points.any(0, 7));
    // Rounding to F32 is a staircase, so the points and the step are ones that F32 holds exactly.
    cases.add(
        new Case(
            "cast",
            in -> in.getFirst().cast(DType.F32).scale(0.5).cast(DType.F64),
            GradCheck.standard().withStep(0x1p-3),
            List.of(Tensor.of(Points.DEVICE, EIGHTHS, 3, 5))));
    add(
        "cast to the same",
        in -> Autograd.apply(new Cast(DType.F64), in.getFirst()),
        points.any(3));
  }
}
