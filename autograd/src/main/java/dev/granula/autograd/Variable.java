package dev.granula.autograd;

import dev.granula.autograd.op.GradientSlot;
import dev.granula.autograd.op.Recipe;
import dev.granula.autograd.ops.Attention;
import dev.granula.autograd.ops.Cast;
import dev.granula.autograd.ops.Cat;
import dev.granula.autograd.ops.CrossEntropy;
import dev.granula.autograd.ops.Dropout;
import dev.granula.autograd.ops.Embedding;
import dev.granula.autograd.ops.Expand;
import dev.granula.autograd.ops.HeadCrossEntropy;
import dev.granula.autograd.ops.LayerNorm;
import dev.granula.autograd.ops.Linear;
import dev.granula.autograd.ops.LogSoftmax;
import dev.granula.autograd.ops.Matmul;
import dev.granula.autograd.ops.Permute;
import dev.granula.autograd.ops.Pointwise;
import dev.granula.autograd.ops.Reshape;
import dev.granula.autograd.ops.RmsNorm;
import dev.granula.autograd.ops.Rotary;
import dev.granula.autograd.ops.Slice;
import dev.granula.autograd.ops.Softmax;
import dev.granula.autograd.ops.Sum;
import dev.granula.tensor.DType;
import dev.granula.tensor.DTypeException;
import dev.granula.tensor.Device;
import dev.granula.tensor.DeviceException;
import dev.granula.tensor.GranulaException;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A tensor with a place in a graph, and the mathematics on it. Names and rules are PyTorch's.
 *
 * <pre>{@code
 * Variable w = Variable.leaf(Tensor.of(device, new float[] {1, 2}, 2));
 * w.mul(w).sum().backward();
 * w.grad();  // [2, 4]
 * }</pre>
 */
public final class Variable {
  private final Tensor data;
  private final boolean requiresGrad;
  private final @Nullable Node node;
  private final @Nullable Recipe recipe;
  private @Nullable GradientSlot slot;
  private @Nullable GradientSlot arriving;
  private @Nullable List<UnaryOperator<Tensor>> hooks;
  private boolean retainsGrad;

  Variable(Tensor data, boolean requiresGrad, @Nullable Node node) {
    this(data, requiresGrad, node, null);
  }

  Variable(Tensor data, boolean requiresGrad, @Nullable Node node, @Nullable Recipe recipe) {
    this.data = data;
    this.requiresGrad = requiresGrad;
    this.node = node;
    this.recipe = recipe;
  }

  /** A variable that is given, not computed, and collects a gradient. */
  public static Variable leaf(Tensor data) {
    if (data.dtype() != DType.F32 && data.dtype() != DType.F64) {
      throw new DTypeException(
          "leaf: gradients need F32 or F64, this is %s; cast it first".formatted(data));
    }
    return new Variable(data, true, null);
  }

  public static Variable constant(Tensor data) {
    return new Variable(data, false, null);
  }

  /** A variable whose gradient lives no longer than one pass, whatever memory its data is in. */
  static Variable temporary(Tensor data, boolean requiresGrad) {
    Variable variable = new Variable(data, requiresGrad, null);
    variable.slot = new GradientSlot(data, false);
    return variable;
  }

  /** The value; one that was deferred is computed now. */
  public Tensor data() {
    data.storage().settle();
    return data;
  }

  /** The value, which may still be deferred. */
  Tensor deferredData() {
    return data;
  }

  public Shape shape() {
    return data.shape();
  }

  public DType dtype() {
    return data.dtype();
  }

  public Device device() {
    return data.device();
  }

  public boolean requiresGrad() {
    return requiresGrad;
  }

  /** The value of a variable with one element; waits for the device. */
  public double item() {
    return data().item();
  }

  // ---- gradients --------------------------------------------------------------------------------

  /** The collected gradient of a leaf (or of a variable with {@link #retainGrad}), else null. */
  public @Nullable Tensor grad() {
    return slot == null ? null : slot.gradient();
  }

  public void zeroGrad() {
    if (slot != null) {
      slot.clear();
    }
  }

  /** Keeps the gradient of this computed variable readable after the backward pass. */
  public Variable retainGrad() {
    retainsGrad = true;
    return this;
  }

  /**
   * Calls {@code hook} with the finished gradient of one backward pass before it travels on (for a
   * leaf: before it is added to the earlier ones); what it returns takes its place. The gradient
   * may be shared and is freed when the pass has gone by: the hook must not write into it, and
   * copies what it wants to keep.
   */
  public Variable onGradient(UnaryOperator<Tensor> hook) {
    if (hooks == null) {
      hooks = new ArrayList<>();
    }
    hooks.add(hook);
    return this;
  }

  /** Gradients of this scalar with respect to every leaf that it depends on, added to theirs. */
  public void backward() {
    if (data.elementCount() != 1) {
      throw new ShapeException(
          "backward: the result must have one element, this is %s; sum it or pass a gradient"
              .formatted(shape()));
    }
    DType type = dtype() == DType.F64 ? DType.F64 : DType.F32;
    backward(Tensor.full(device(), type, shape(), 1));
  }

  /** Vector-Jacobian products with {@code gradient}, which has this variable's shape. */
  public void backward(Tensor gradient) {
    if (!requiresGrad) {
      throw new GranulaException(
          "backward: this result depends on no variable that needs a gradient; make one with"
              + " Variable.leaf, outside of noGrad");
    }
    checkGradient("backward", gradient);
    Backward.run(this, gradient, Set.of());
  }

  private void checkGradient(String what, Tensor gradient) {
    DType type = dtype() == DType.F64 ? DType.F64 : DType.F32;
    if (!gradient.shape().equals(shape())) {
      throw new ShapeException(
          "%s: the gradient must have shape %s, it has %s"
              .formatted(what, shape(), gradient.shape()));
    }
    if (gradient.dtype() != type) {
      throw new DTypeException(
          "%s: the gradient must be %s, it is %s".formatted(what, type, gradient.dtype()));
    }
    if (!gradient.device().equals(device())) {
      throw new DeviceException(
          "%s: the gradient must be on %s, it is on %s"
              .formatted(what, device().name(), gradient.device().name()));
    }
  }

  @Nullable Node node() {
    return node;
  }

  /** How to compute the data again, where that is better than keeping them for a backward pass. */
  @Nullable Recipe recipe() {
    return recipe;
  }

  private GradientSlot slot() {
    if (slot == null) {
      slot = new GradientSlot(data, node == null && data.storage().isPersistent());
    }
    return slot;
  }

  /**
   * Where a backward pass collects. A leaf with hooks collects apart, since its hooks must not see
   * the gradients of earlier passes again.
   */
  GradientSlot collecting() {
    if (node != null || hooks == null) {
      return slot();
    }
    if (arriving == null) {
      arriving = new GradientSlot(data, false);
    }
    return arriving;
  }

  /** Lets the hooks see what was collected in this pass, and returns what travels on. */
  @Nullable Tensor finishGradient() {
    GradientSlot collected = collecting();
    if (!collected.isFilled()) {
      return null;
    }
    if (hooks != null) {
      hooks.forEach(hook -> applyHook(hook, collected));
    }
    return node == null ? settle(collected) : collected.gradient();
  }

  private void applyHook(UnaryOperator<Tensor> hook, GradientSlot collected) {
    Tensor gradient = Objects.requireNonNull(collected.gradient());
    Tensor replacement = hook.apply(gradient);
    if (replacement == null) {
      throw new GranulaException("gradient hook: it must return a gradient, it returned null");
    }
    if (replacement != gradient) {
      checkGradient("gradient hook", replacement);
      collected.replace(replacement);
    }
  }

  /** The gradient of a leaf is its own row-major buffer: optimizers and clipping write into it. */
  private Tensor settle(GradientSlot collected) {
    if (collected != slot()) {
      slot().add(Objects.requireNonNull(collected.gradient()));
      collected.clear();
    }
    return slot().writable();
  }

  void releaseGradient() {
    if (!retainsGrad) {
      zeroGrad();
    }
  }

  /** After a failed pass: forgets what was collected on the way, but not what leaves hold. */
  void abandonGradient() {
    if (node != null) {
      zeroGrad();
    } else if (arriving != null) {
      arriving.clear();
    }
  }

  /** The same data as a constant. */
  public Variable detach() {
    return constant(data);
  }

  // ---- pointwise --------------------------------------------------------------------------------

  public Variable add(Variable other) {
    return Autograd.apply(Pointwise.ADD, this, other);
  }

  public Variable add(double number) {
    return Autograd.apply(Pointwise.ADD_NUMBER.with(number), this);
  }

  public Variable sub(Variable other) {
    return Autograd.apply(Pointwise.SUB, this, other);
  }

  public Variable mul(Variable other) {
    return Autograd.apply(Pointwise.MUL, this, other);
  }

  public Variable div(Variable other) {
    return Autograd.apply(Pointwise.DIV, this, other);
  }

  public Variable neg() {
    return Autograd.apply(Pointwise.NEG, this);
  }

  public Variable scale(double factor) {
    return Autograd.apply(Pointwise.SCALE.with(factor), this);
  }

  public Variable exp() {
    return Autograd.apply(Pointwise.EXP, this);
  }

  public Variable log() {
    return Autograd.apply(Pointwise.LOG, this);
  }

  public Variable sqrt() {
    return Autograd.apply(Pointwise.SQRT, this);
  }

  /** {@code 1 / sqrt(x)}. */
  public Variable rsqrt() {
    return Autograd.apply(Pointwise.RSQRT, this);
  }

  public Variable sigmoid() {
    return Autograd.apply(Pointwise.SIGMOID, this);
  }

  public Variable tanh() {
    return Autograd.apply(Pointwise.TANH, this);
  }

  /** {@code max(x, 0)}, with derivative 0 at 0. */
  public Variable relu() {
    return Autograd.apply(Pointwise.RELU, this);
  }

  /** {@code x sigmoid(x)}. */
  public Variable silu() {
    return Autograd.apply(Pointwise.SILU, this);
  }

  /** {@code x Phi(x)} with the error function. */
  public Variable gelu() {
    return Autograd.apply(Pointwise.GELU, this);
  }

  /** GELU in the tanh approximation, Hugging Face's {@code gelu_new}. */
  public Variable geluTanh() {
    return Autograd.apply(Pointwise.GELU_TANH, this);
  }

  /** {@code silu(this) * up}: the gated product of Llama's MLP in one pass. */
  public Variable siluMul(Variable up) {
    return Autograd.apply(Pointwise.SILU_MUL, this, up);
  }

  // ---- reductions and losses --------------------------------------------------------------------

  /** Sum of all elements. */
  public Variable sum() {
    return reshape(shape().elementCount()).sum(0, false);
  }

  public Variable sum(int dim, boolean keepDim) {
    return Autograd.apply(new Sum(dim, keepDim, false), this);
  }

  public Variable mean() {
    return reshape(shape().elementCount()).mean(0, false);
  }

  public Variable mean(int dim, boolean keepDim) {
    return Autograd.apply(new Sum(dim, keepDim, true), this);
  }

  /** Over the last dimension. */
  public Variable softmax() {
    return Autograd.apply(new Softmax(), this);
  }

  /** Over the last dimension. */
  public Variable logSoftmax() {
    return Autograd.apply(new LogSoftmax(), this);
  }

  /** Mean of {@code (this - target)^2}. */
  public Variable mse(Variable target) {
    Variable difference = sub(target);
    return difference.mul(difference).mean();
  }

  /**
   * Mean cross-entropy of logits [N, V] over the targets (I32 [N]) that are not negative; PyTorch's
   * ignored index -100 is one of those. Reads the targets on the host to count them.
   */
  public Variable crossEntropy(Tensor targets) {
    long counted = Arrays.stream(targets.toLongArray()).filter(t -> t >= 0).count();
    return crossEntropy(targets, counted == 0 ? Double.NaN : 1.0 / counted);
  }

  /** {@code scale} times the summed cross-entropy of logits [N, V], negative targets left out. */
  public Variable crossEntropy(Tensor targets, double scale) {
    return Autograd.apply(new CrossEntropy(targets, scale), this);
  }

  /**
   * {@link #crossEntropy(Tensor, double)} of {@code this weight^T} without storing the logits; this
   * is [N, D], weight [V, D].
   */
  public Variable headCrossEntropy(Variable weight, Tensor targets, double scale) {
    return Autograd.apply(new HeadCrossEntropy(targets, scale), this, weight);
  }

  // ---- products ---------------------------------------------------------------------------------

  /** Batched product [..., M, K] x [..., K, N]; the dimensions before broadcast. */
  public Variable matmul(Variable other) {
    return Autograd.apply(new Matmul(), this, other);
  }

  /**
   * {@code x W^T (+ b)}: this [..., I], weight [O, I] (F32, F64, or frozen BF16 / F16), bias [O].
   */
  public Variable linear(Variable weight, @Nullable Variable bias) {
    Variable product = Autograd.apply(new Linear(), this, weight);
    return bias == null ? product : product.add(bias);
  }

  // ---- views ------------------------------------------------------------------------------------

  /**
   * The same elements in another shape; one dimension may be -1. Copies only where strides force
   * it.
   */
  public Variable reshape(long... dims) {
    return Autograd.apply(new Reshape(shape().reshape(dims)), this);
  }

  public Variable permute(int... order) {
    return Autograd.apply(new Permute(Arrays.stream(order).boxed().toList()), this);
  }

  public Variable transpose(int a, int b) {
    int[] order = new int[shape().rank()];
    Arrays.setAll(order, d -> d);
    order[shape().normalize(a)] = shape().normalize(b);
    order[shape().normalize(b)] = shape().normalize(a);
    return permute(order);
  }

  /** Elements {@code from} (inclusive) to {@code to} (exclusive) along {@code dim}. */
  public Variable slice(int dim, long from, long to) {
    return Autograd.apply(new Slice(dim, from, to), this);
  }

  public Variable expand(long... dims) {
    return Autograd.apply(new Expand(Shape.of(dims)), this);
  }

  /** Joins variables that agree in all dimensions but {@code dim}. */
  public static Variable cat(int dim, Variable... parts) {
    return Autograd.apply(new Cat(dim), parts);
  }

  /** Converts the element type; the gradient is converted back. */
  public Variable cast(DType target) {
    return dtype() == target ? this : Autograd.apply(new Cast(target), this);
  }

  // ---- transformer ------------------------------------------------------------------------------

  /** Rows of this table [V, D] by {@code ids} (I32, any shape): the result is [ids..., D]. */
  public Variable embedding(Tensor ids) {
    return Autograd.apply(new Embedding(ids), this);
  }

  public Variable rmsNorm(Variable weight, double eps) {
    return Autograd.apply(new RmsNorm(eps), this, weight);
  }

  public Variable layerNorm(Variable weight, Variable bias, double eps) {
    return Autograd.apply(new LayerNorm(eps), this, weight, bias);
  }

  /** Rotary embedding of [B, T, H, D]; see {@link dev.granula.tensor.Backend#rotary}. */
  public Variable rotary(Tensor positions, Tensor cos, Tensor sin) {
    return Autograd.apply(new Rotary(positions, cos, sin), this);
  }

  /**
   * Causal attention of these queries [B, T, H, D]; see {@link
   * dev.granula.tensor.Backend#attention}.
   */
  public Variable attention(Variable key, Variable value, @Nullable Tensor firstKey, double scale) {
    return Autograd.apply(new Attention(firstKey, scale), this, key, value);
  }

  /** Zeroes elements with {@code probability} and scales the others by 1 / (1 - probability). */
  public Variable dropout(double probability, RandomStream random) {
    if (probability == 0) {
      return this;
    }
    long counter = random.take(shape().elementCount());
    return Autograd.apply(new Dropout(probability, random.seed(), counter), this);
  }

  @Override
  public String toString() {
    return "Variable(%s%s)".formatted(data, requiresGrad ? ", requires grad" : "");
  }
}
