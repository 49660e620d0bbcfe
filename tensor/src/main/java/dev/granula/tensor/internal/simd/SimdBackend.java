package dev.granula.tensor.internal.simd;

import dev.granula.tensor.Matrix;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Workers;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import dev.granula.tensor.reference.ReferenceBackend;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The kernels of the processor on the Vector API and several threads. What it does not speed up,
 * F64 included, it inherits in plain Java. The kernels stand in one class per family.
 */
public final class SimdBackend extends ReferenceBackend {
  private final Workers workers;
  private final Pointwise pointwise;
  private final Copies copies;
  private final Sums sums;
  private final SimdSoftmax softmax;
  private final SimdRmsNorm rmsNorm;
  private final SimdLayerNorm layerNorm;
  private final SimdRotary rotary;
  private final Indexing indexing;
  private final SimdCrossEntropy crossEntropy;
  private final SimdRandom random;
  private final SimdAdamW adamW;
  private final SimdMatmul products;
  private final SimdAttention attention;
  private final SimdHeadCrossEntropy headCrossEntropy;

  public SimdBackend(Workers workers) {
    this.workers = workers;
    Context context = new Context(workers);
    ColumnSums columns = new ColumnSums(context);
    this.pointwise = new Pointwise(context);
    this.copies = new Copies(context, pointwise);
    this.sums = new Sums(context, columns);
    this.softmax = new SimdSoftmax(context);
    this.rmsNorm = new SimdRmsNorm(context, columns);
    this.layerNorm = new SimdLayerNorm(context, columns);
    this.rotary = new SimdRotary(context);
    this.indexing = new Indexing(context);
    this.crossEntropy = new SimdCrossEntropy(context);
    this.random = new SimdRandom(context);
    this.adamW = new SimdAdamW(context);
    this.products = new SimdMatmul(workers);
    this.attention = new SimdAttention(workers);
    this.headCrossEntropy = new SimdHeadCrossEntropy(context, products, crossEntropy);
  }

  @Override
  public String name() {
    return "simd-" + Simd.F32.vectorBitSize();
  }

  @Override
  public void matmul(Matrix a, Matrix b, Matrix out, double scale, Write write) {
    if (!products.matmul(a, b, out, scale, write)) {
      super.matmul(a, b, out, scale, write);
    }
  }

  @Override
  public void matmulSum(List<Product> terms, Tensor out, Write write) {
    if (!products.sum(terms, out, write)) {
      super.matmulSum(terms, out, write);
    }
  }

  @Override
  public void evaluate(
      Expression expression, List<Tensor> in, double[] scalars, Tensor out, Write write) {
    if (!pointwise.evaluate(expression, in, scalars, out, write)) {
      super.evaluate(expression, in, scalars, out, write);
    }
  }

  @Override
  public void copy(Tensor in, Tensor out) {
    if (!copies.copy(in, out)) {
      super.copy(in, out);
    }
  }

  @Override
  public void fill(Tensor out, double value) {
    if (!copies.fill(out, value)) {
      super.fill(out, value);
    }
  }

  @Override
  public void sum(Tensor in, Tensor out, double scale, Write write) {
    if (!sums.sum(in, out, scale, write)) {
      super.sum(in, out, scale, write);
    }
  }

  @Override
  public void norm(List<Tensor> in, Tensor out) {
    if (!sums.norm(in, out)) {
      super.norm(in, out);
    }
  }

  @Override
  public void softmax(Tensor in, Tensor out) {
    if (!softmax.softmax(in, out)) {
      super.softmax(in, out);
    }
  }

  @Override
  public void softmaxGrad(Tensor y, Tensor g, Tensor out, Write write) {
    if (!softmax.softmaxGrad(y, g, out, write)) {
      super.softmaxGrad(y, g, out, write);
    }
  }

  @Override
  public void logSoftmax(Tensor in, Tensor out) {
    if (!softmax.logSoftmax(in, out)) {
      super.logSoftmax(in, out);
    }
  }

  @Override
  public void logSoftmaxGrad(Tensor y, Tensor g, Tensor out, Write write) {
    if (!softmax.logSoftmaxGrad(y, g, out, write)) {
      super.logSoftmaxGrad(y, g, out, write);
    }
  }

  @Override
  public void rmsNorm(Tensor x, Tensor weight, double eps, Tensor out, Tensor inverseRms) {
    if (!rmsNorm.rmsNorm(x, weight, eps, out, inverseRms)) {
      super.rmsNorm(x, weight, eps, out, inverseRms);
    }
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
    if (!rmsNorm.rmsNormGrad(x, weight, inverseRms, g, dx, dxWrite, dWeight, dWeightWrite)) {
      super.rmsNormGrad(x, weight, inverseRms, g, dx, dxWrite, dWeight, dWeightWrite);
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
    if (!layerNorm.layerNorm(x, weight, bias, eps, out, mean, inverseStd)) {
      super.layerNorm(x, weight, bias, eps, out, mean, inverseStd);
    }
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
    if (!layerNorm.layerNormGrad(
        x, weight, mean, inverseStd, g, dx, dxWrite, dWeight, dWeightWrite, dBias, dBiasWrite)) {
      super.layerNormGrad(
          x, weight, mean, inverseStd, g, dx, dxWrite, dWeight, dWeightWrite, dBias, dBiasWrite);
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
    if (!rotary.rotary(x, positions, cos, sin, inverse, out, write)) {
      super.rotary(x, positions, cos, sin, inverse, out, write);
    }
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
    if (!attention.forward(q, k, v, firstKey, scale, out, lse)) {
      super.attention(q, k, v, firstKey, scale, out, lse);
    }
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
    if (!attention.backward(
        q, k, v, firstKey, scale, out, lse, g, dq, dqWrite, dk, dkWrite, dv, dvWrite)) {
      super.attentionGrad(
          q, k, v, firstKey, scale, out, lse, g, dq, dqWrite, dk, dkWrite, dv, dvWrite);
    }
  }

  @Override
  public void gather(Tensor table, Tensor ids, Tensor out) {
    if (!indexing.gather(table, ids, out)) {
      super.gather(table, ids, out);
    }
  }

  @Override
  public void scatterAdd(Tensor g, Tensor ids, Tensor out) {
    if (!indexing.scatterAdd(g, ids, out)) {
      super.scatterAdd(g, ids, out);
    }
  }

  @Override
  public void crossEntropy(Tensor logits, Tensor targets, double scale, Tensor loss, Tensor lse) {
    if (!crossEntropy.crossEntropy(logits, targets, scale, loss, lse)) {
      super.crossEntropy(logits, targets, scale, loss, lse);
    }
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
    if (!crossEntropy.crossEntropyGrad(logits, targets, lse, scale, g, dLogits, write)) {
      super.crossEntropyGrad(logits, targets, lse, scale, g, dLogits, write);
    }
  }

  @Override
  public void uniform(long seed, long counter, Tensor out) {
    if (!random.uniform(seed, counter, out)) {
      super.uniform(seed, counter, out);
    }
  }

  @Override
  public void dropout(
      Tensor x, double probability, long seed, long counter, Tensor out, Write write) {
    if (!random.dropout(x, probability, seed, counter, out, write)) {
      super.dropout(x, probability, seed, counter, out, write);
    }
  }

  @Override
  public void adamW(
      List<Tensor> parameters,
      List<Tensor> gradients,
      List<Tensor> firstMoments,
      List<Tensor> secondMoments,
      AdamWStep step,
      Tensor gradScale) {
    if (!adamW.step(parameters, gradients, firstMoments, secondMoments, step, gradScale)) {
      super.adamW(parameters, gradients, firstMoments, secondMoments, step, gradScale);
    }
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
    if (!headCrossEntropy.forward(hidden, weight, targets, scale, loss, lse, dHidden)) {
      super.headCrossEntropy(hidden, weight, targets, scale, loss, lse, dHidden);
    }
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
    if (!headCrossEntropy.gradient(
        hidden, weight, targets, lse, scale, g, dHidden, dHiddenWrite, dWeight, dWeightWrite)) {
      super.headCrossEntropyGrad(
          hidden, weight, targets, lse, scale, g, dHidden, dHiddenWrite, dWeight, dWeightWrite);
    }
  }
}
