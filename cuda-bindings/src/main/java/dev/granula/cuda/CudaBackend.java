package dev.granula.cuda;

import dev.granula.tensor.Backend;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All kernels on an NVIDIA GPU: products by cuBLAS, expressions printed as CUDA C++, the rest from
 * the {@code .cu} resources, one class here for each family. Nothing waits for the device.
 */
final class CudaBackend implements Backend {
  /** Blocks that share the ids of a scatter by their remainder. */
  private static final int SCATTER_BLOCKS = 64;

  private final Kernels kernels;
  private final Faults faults;
  private final Matmul matmul;
  private final Pointwise pointwise;
  private final Reductions reductions;
  private final RowKernels rows;
  private final Attention attention;
  private final Losses losses;
  private final Updates updates;

  CudaBackend(Device device, Kernels kernels, Products products, Faults faults, Gpu gpu) {
    this.kernels = kernels;
    this.faults = faults;
    matmul = new Matmul(device, products, kernels, gpu);
    pointwise = new Pointwise(kernels);
    reductions = new Reductions(device, kernels);
    rows = new RowKernels(kernels);
    attention = new Attention(device, kernels, faults, gpu, products.precision());
    losses = new Losses(device, kernels, matmul, faults);
    updates = new Updates(kernels);
  }

  @Override
  public String name() {
    return "cuda";
  }

  @Override
  public void matmul(Matrix a, Matrix b, Matrix out, double scale, Write write) {
    matmul.matmul(a, b, out, scale, write);
  }

  @Override
  public void matmulSum(List<Product> products, Tensor out, Write write) {
    Product.addUp(this, products, out, write);
  }

  @Override
  public void evaluate(
      Expression expression, List<Tensor> in, double[] scalars, Tensor out, Write write) {
    pointwise.evaluate(expression, in, scalars, out, write);
  }

  @Override
  public void copy(Tensor in, Tensor out) {
    pointwise.copy(in, out);
  }

  @Override
  public void fill(Tensor out, double value) {
    pointwise.fill(out, value);
  }

  @Override
  public void sum(Tensor in, Tensor out, double scale, Write write) {
    reductions.sum(in, out, scale, write);
  }

  @Override
  public void norm(List<Tensor> in, Tensor out) {
    reductions.norm(in, out);
  }

  @Override
  public void softmax(Tensor in, Tensor out) {
    rows.softmax(in, out, false);
  }

  @Override
  public void softmaxGrad(Tensor y, Tensor g, Tensor out, Write write) {
    rows.softmaxGrad(y, g, out, false, write);
  }

  @Override
  public void logSoftmax(Tensor in, Tensor out) {
    rows.softmax(in, out, true);
  }

  @Override
  public void logSoftmaxGrad(Tensor y, Tensor g, Tensor out, Write write) {
    rows.softmaxGrad(y, g, out, true, write);
  }

  @Override
  public void rmsNorm(Tensor x, Tensor weight, double eps, Tensor out, Tensor inverseRms) {
    rows.norm(x, weight, null, eps, out, null, inverseRms);
  }

  @Override
  public void rmsNormGrad(
      Tensor x,
      Tensor weight,
      Tensor inverseRms,
      Tensor g,
      @Nullable Tensor dx,
      Write dxWrite,
      @Nullable Tensor dWeight,
      Write dWeightWrite) {
    if (dx != null) {
      rows.normGrad(x, weight, null, inverseRms, g, dx, dxWrite);
    }
    if (dWeight != null) {
      rows.normWeightGrad(x, null, inverseRms, g, dWeight, dWeightWrite);
    }
  }

  @Override
  public void layerNorm(
      Tensor x,
      Tensor weight,
      Tensor bias,
      double eps,
      Tensor out,
      Tensor mean,
      Tensor inverseStd) {
    rows.norm(x, weight, bias, eps, out, mean, inverseStd);
  }

  @Override
  public void layerNormGrad(
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
      Write dBiasWrite) {
    if (dx != null) {
      rows.normGrad(x, weight, mean, inverseStd, g, dx, dxWrite);
    }
    if (dWeight != null) {
      rows.normWeightGrad(x, mean, inverseStd, g, dWeight, dWeightWrite);
    }
    if (dBias != null) {
      long[] dims = new long[g.shape().rank()];
      Arrays.fill(dims, 1);
      dims[dims.length - 1] = dBias.elementCount();
      reductions.sum(g, dBias.reshape(dims), 1, dBiasWrite);
    }
  }

  @Override
  public void rotary(
      Tensor x,
      Tensor positions,
      Tensor cos,
      Tensor sin,
      boolean inverse,
      Tensor out,
      Write write) {
    attention.rotary(x, positions, cos, sin, inverse, out, write);
  }

  @Override
  public void attention(
      Tensor q,
      Tensor k,
      Tensor v,
      @Nullable Tensor firstKey,
      double scale,
      Tensor out,
      Tensor lse) {
    attention.attention(q, k, v, firstKey, scale, out, lse);
  }

  @Override
  public void attentionGrad(
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
      Write dvWrite) {
    attention.attentionGrad(
        q, k, v, firstKey, scale, out, lse, g, dq, dqWrite, dk, dkWrite, dv, dvWrite);
  }

  @Override
  public void gather(Tensor table, Tensor ids, Tensor out) {
    kernels
        .launch("indexing.cu", "gather", out.dtype(), "TABLE=" + SourceTypes.name(table.dtype()))
        .rows(table)
        .view(ids)
        .rows(out)
        .words(table.shape().dim(0))
        .words(faults.address())
        .run(ids.elementCount());
  }

  @Override
  public void scatterAdd(Tensor g, Tensor ids, Tensor out) {
    kernels
        .launch("indexing.cu", "scatterAdd", out.dtype(), "TABLE=" + SourceTypes.name(out.dtype()))
        .rows(g)
        .view(ids)
        .words(ids.elementCount())
        .rows(out)
        .words(out.shape().dim(0))
        .words(faults.address())
        .run(
            (out.shape().dim(1) + Launch.THREADS - 1) / Launch.THREADS,
            SCATTER_BLOCKS,
            1,
            Launch.THREADS);
  }

  @Override
  public void crossEntropy(Tensor logits, Tensor targets, double scale, Tensor loss, Tensor lse) {
    losses.crossEntropy(logits, targets, scale, loss, lse);
  }

  @Override
  public void crossEntropyGrad(
      Tensor logits,
      Tensor targets,
      Tensor lse,
      double scale,
      Tensor g,
      Tensor dLogits,
      Write write) {
    losses.crossEntropyGrad(logits, targets, lse, scale, g, dLogits, write);
  }

  @Override
  public void headCrossEntropy(
      Tensor hidden,
      Tensor weight,
      Tensor targets,
      double scale,
      Tensor loss,
      Tensor lse,
      @Nullable Tensor dHidden) {
    losses.headCrossEntropy(hidden, weight, targets, scale, loss, lse, dHidden);
  }

  @Override
  public long headCrossEntropyBytes(long rows, Tensor weight, DType dtype) {
    return losses.headBytes(rows, weight, dtype);
  }

  @Override
  public void headCrossEntropyGrad(
      Tensor hidden,
      Tensor weight,
      Tensor targets,
      Tensor lse,
      double scale,
      Tensor g,
      @Nullable Tensor dHidden,
      Write dHiddenWrite,
      @Nullable Tensor dWeight,
      Write dWeightWrite) {
    losses.headCrossEntropyGrad(
        hidden, weight, targets, lse, scale, g, dHidden, dHiddenWrite, dWeight, dWeightWrite);
  }

  @Override
  public void uniform(long seed, long counter, Tensor out) {
    updates.uniform(seed, counter, out);
  }

  @Override
  public void dropout(
      Tensor x, double probability, long seed, long counter, Tensor out, Write write) {
    updates.dropout(x, probability, seed, counter, out, write);
  }

  @Override
  public void adamW(
      List<Tensor> parameters,
      List<Tensor> gradients,
      List<Tensor> firstMoments,
      List<Tensor> secondMoments,
      AdamWStep step,
      Tensor gradScale) {
    updates.adamW(parameters, gradients, firstMoments, secondMoments, step, gradScale);
  }
}
