package dev.granula.tensor;

import dev.granula.tensor.expression.Expression;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The kernels that every device provides. {@code ReferenceBackend} defines what each computes, in
 * plain Java; others override what they do faster and are held to it by the conformance suite.
 *
 * <p>Conventions: all tensors of a call live on one device; "rows" means all dimensions but the
 * last; activations and gradients are F32 or F64 (one type in a call), a right-hand side of a
 * product and an embedding table may be BF16 or F16, indices are I32. {@link Write#ADD} accumulates
 * into the output, {@link Write#SET} ignores what it held. A nullable output is not computed. No
 * kernel returns a number to the host: losses, norms and factors are tensors of one element.
 * Callers have checked shapes.
 */
public interface Backend {
  /** For messages and logs, for example {@code simd-256}. */
  String name();

  // ---- products ---------------------------------------------------------------------------------

  /** {@code out = scale * a b} per matrix of the batch; a [M, K], b [K, N], out [M, N]. */
  void matmul(Matrix a, Matrix b, Matrix out, double scale, Write write);

  /**
   * {@code out = sum of the products}, as {@link #matmul} would add them up one after the other; a
   * back end may form each part of the result from all of them at once. out [M, N].
   */
  void matmulSum(List<Product> products, Tensor out, Write write);

  /**
   * {@code scale * a b}; a [M, K], b [K, N]. A batch of k matrices, a [k, M, K] and b [k, K, N/k],
   * fills the k equal blocks of the columns of the result.
   *
   * @param lowRank null, or how {@code a} came about
   */
  record Product(Matrix a, Matrix b, double scale, @Nullable LowRank lowRank) {
    public Product(Matrix a, Matrix b, double scale) {
      this(a, b, scale, null);
    }

    /** {@link #matmulSum} as one {@link #matmul} of {@code backend} after the other. */
    public static void addUp(Backend backend, List<Product> products, Tensor out, Write write) {
      Write next = write;
      for (Product product : products) {
        Matrix blocks = Matrix.columnBlocks(out, product.a.batch());
        backend.matmul(product.a, product.b, blocks, product.scale, next);
        next = Write.ADD;
      }
    }
  }

  /**
   * How the left-hand side {@code a} of a low-rank product was made: with x [M, K] cut into k equal
   * blocks of columns, down [k, K/k, r], and a rank of r in k runs, columns run n of {@code a_j}
   * are {@code scale * x_n down_n[:, run j]}. A back end may multiply x by what the product adds to
   * the right-hand side of x, instead of {@code a} by {@code b}: its block (n, j) is {@code scale *
   * down_n[:, run j] b_j[run n, :]}.
   */
  record LowRank(Matrix x, Matrix down, double scale) {}

  // ---- pointwise, copies, reductions
  // -------------------------------------------------------------

  /**
   * {@code out[i] = expression(in[..][i], scalars)}; inputs broadcast to the shape of {@code out}.
   */
  void evaluate(Expression expression, List<Tensor> in, double[] scalars, Tensor out, Write write);

  /** Strided copy with conversion of the element type, rounding to nearest even. */
  void copy(Tensor in, Tensor out);

  void fill(Tensor out, double value);

  /** {@code out = scale * sum}, over the dimensions in which {@code out} has size 1. */
  void sum(Tensor in, Tensor out, double scale, Write write);

  /** {@code out} (one element) = the Euclidean norm of all tensors taken together. */
  void norm(List<Tensor> in, Tensor out);

  // ---- normalisation, over the last dimension
  // ------------------------------------------------------

  void softmax(Tensor in, Tensor out);

  /** {@code y} is the forward output, {@code g} the gradient of the output. */
  void softmaxGrad(Tensor y, Tensor g, Tensor out, Write write);

  void logSoftmax(Tensor in, Tensor out);

  void logSoftmaxGrad(Tensor y, Tensor g, Tensor out, Write write);

  /**
   * {@code out = x * inverseRms * weight}, {@code inverseRms [rows] = 1 / sqrt(mean(x^2) + eps)}.
   */
  void rmsNorm(Tensor x, Tensor weight, double eps, Tensor out, Tensor inverseRms);

  void rmsNormGrad(
      Tensor x,
      Tensor weight,
      Tensor inverseRms,
      Tensor g,
      @Nullable Tensor dx,
      Write dxWrite,
      @Nullable Tensor dWeight,
      Write dWeightWrite);

  /** {@code out = (x - mean) * inverseStd * weight + bias}; mean and inverseStd are [rows]. */
  void layerNorm(
      Tensor x, Tensor weight, Tensor bias, double eps, Tensor out, Tensor mean, Tensor inverseStd);

  void layerNormGrad(
      Tensor x,
      Tensor weight,
      Tensor mean,
      Tensor inverseStd,
      Tensor g,
      @Nullable Tensor dx,
      Write dxWrite,
      @Nullable Tensor dWeight,
      Write dWeightWrite,
      @Nullable Tensor dBias,
      Write dBiasWrite);

  // ---- transformer
  // --------------------------------------------------------------------------------

  /**
   * Rotary position embedding in the half-split form of Hugging Face's {@code rotate_half}: with h
   * = D/2, {@code out[i] = x[i] cos - x[i+h] sin}, {@code out[i+h] = x[i+h] cos + x[i] sin}. x, out
   * [B, T, H, D] (any strides), positions I32 [B, T], cos and sin [P, D/2]. {@code inverse} turns
   * the other way, which is the gradient.
   */
  void rotary(
      Tensor x, Tensor positions, Tensor cos, Tensor sin, boolean inverse, Tensor out, Write write);

  /**
   * Causal attention without a stored score matrix: q [B, T, H, D], k and v [B, S, G, D] with H a
   * multiple of G (head h reads group h / (H/G)), out [B, T, H, D], all with unit stride in D.
   * Query t stands at position S - T + t and sees keys {@code firstKey[b, t] <= s <= S - T + t};
   * {@code firstKey} I32 [B, T], null means 0, bounds packed samples. {@code lse} [B, H, T]
   * receives the log-sum-exp of the scaled scores. A query that sees nothing gives zeros.
   */
  void attention(
      Tensor q,
      Tensor k,
      Tensor v,
      @Nullable Tensor firstKey,
      double scale,
      Tensor out,
      Tensor lse);

  /**
   * Gradients of {@link #attention}; {@code out} and {@code lse} are its results, {@code g} the
   * gradient of out.
   */
  void attentionGrad(
      Tensor q,
      Tensor k,
      Tensor v,
      @Nullable Tensor firstKey,
      double scale,
      Tensor out,
      Tensor lse,
      Tensor g,
      @Nullable Tensor dq,
      Write dqWrite,
      @Nullable Tensor dk,
      Write dkWrite,
      @Nullable Tensor dv,
      Write dvWrite);

  /** {@code out[n] = table[ids[n]]}; table [V, D], ids I32 [N...], out [N..., D]. */
  void gather(Tensor table, Tensor ids, Tensor out);

  /** {@code out[ids[n]] += g[n]}, in order of n; out [V, D]. */
  void scatterAdd(Tensor g, Tensor ids, Tensor out);

  // ---- losses
  // -------------------------------------------------------------------------------------

  /**
   * {@code loss = scale * sum over n of (lse[n] - logits[n, target[n]])}, rows with a negative
   * target left out; logits [N, V], targets I32 [N], loss one element, lse [N].
   */
  void crossEntropy(Tensor logits, Tensor targets, double scale, Tensor loss, Tensor lse);

  /** {@code dLogits = g * scale * (softmax(logits) - onehot(target))}, g one element. */
  void crossEntropyGrad(
      Tensor logits,
      Tensor targets,
      Tensor lse,
      double scale,
      Tensor g,
      Tensor dLogits,
      Write write);

  /**
   * {@link #crossEntropy} of {@code logits = hidden weight^T} without the [N, V] matrix: chunks of
   * the vocabulary and an online softmax. hidden [N, D], weight [V, D]. With {@code dHidden} the
   * gradient for g = 1 is formed in the same pass over the weights.
   */
  void headCrossEntropy(
      Tensor hidden,
      Tensor weight,
      Tensor targets,
      double scale,
      Tensor loss,
      Tensor lse,
      @Nullable Tensor dHidden);

  void headCrossEntropyGrad(
      Tensor hidden,
      Tensor weight,
      Tensor targets,
      Tensor lse,
      double scale,
      Tensor g,
      @Nullable Tensor dHidden,
      Write dHiddenWrite,
      @Nullable Tensor dWeight,
      Write dWeightWrite);

  /**
   * Memory of the device that {@link #headCrossEntropy} and its gradient take meanwhile, for that
   * many rows of hidden states in {@code dtype}; 0 if it is little beside these.
   */
  long headCrossEntropyBytes(long rows, Tensor weight, DType dtype);

  // ---- random numbers
  // -------------------------------------------------------------------------------

  /**
   * Element i becomes {@link Philox#unit} of word i % 4 of block {@code counter + i / 4}, in [0,
   * 1).
   */
  void uniform(long seed, long counter, Tensor out);

  /**
   * {@code out = u < probability ? 0 : x / (1 - probability)} with u as {@link #uniform} gives it.
   */
  void dropout(Tensor x, double probability, long seed, long counter, Tensor out, Write write);

  // ---- optimizers
  // -----------------------------------------------------------------------------------

  /**
   * AdamW of PyTorch over all tensors at once, on gradients multiplied by {@code gradScale} (one
   * element): decoupled decay first, bias-corrected moments, {@code p -= lr * m / (sqrt(v) + eps)}.
   */
  void adamW(
      List<Tensor> parameters,
      List<Tensor> gradients,
      List<Tensor> firstMoments,
      List<Tensor> secondMoments,
      AdamWStep step,
      Tensor gradScale);

  /** The numbers of one AdamW step; {@code step} counts from 1. */
  record AdamWStep(
      double learningRate, double beta1, double beta2, double eps, double weightDecay, long step) {}
}
