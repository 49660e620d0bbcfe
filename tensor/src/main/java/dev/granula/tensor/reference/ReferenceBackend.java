package dev.granula.tensor.reference;

import dev.granula.tensor.Backend;
import dev.granula.tensor.DType;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Every kernel in plain Java, for any floating element type: arithmetic in F64, one rounding at the
 * store. It is the definition that other back ends are tested against, what a reader reads first,
 * and what runs where nothing faster does. The kernels stand in one small class per family; host
 * memory only.
 */
public class ReferenceBackend implements Backend {
  @Override
  public String name() {
    return "reference";
  }

  @Override
  public void matmul(Matrix a, Matrix b, Matrix out, double scale, Write write) {
    PlainMatmul.matmul(a, b, out, scale, write);
  }

  @Override
  public void matmulSum(List<Product> products, Tensor out, Write write) {
    Product.addUp(this, products, out, write);
  }

  @Override
  public void evaluate(
      Expression expression, List<Tensor> in, double[] scalars, Tensor out, Write write) {
    PlainPointwise.evaluate(expression, in, scalars, out, write);
  }

  @Override
  public void copy(Tensor in, Tensor out) {
    PlainPointwise.copy(in, out);
  }

  @Override
  public void fill(Tensor out, double value) {
    PlainPointwise.fill(out, value);
  }

  @Override
  public void sum(Tensor in, Tensor out, double scale, Write write) {
    PlainPointwise.sum(in, out, scale, write);
  }

  @Override
  public void norm(List<Tensor> in, Tensor out) {
    PlainPointwise.norm(in, out);
  }

  @Override
  public void softmax(Tensor in, Tensor out) {
    PlainSoftmax.softmax(in, out);
  }

  @Override
  public void softmaxGrad(Tensor y, Tensor g, Tensor out, Write write) {
    PlainSoftmax.softmaxGrad(y, g, out, write);
  }

  @Override
  public void logSoftmax(Tensor in, Tensor out) {
    PlainSoftmax.logSoftmax(in, out);
  }

  @Override
  public void logSoftmaxGrad(Tensor y, Tensor g, Tensor out, Write write) {
    PlainSoftmax.logSoftmaxGrad(y, g, out, write);
  }

  @Override
  public void rmsNorm(Tensor x, Tensor weight, double eps, Tensor out, Tensor inverseRms) {
    PlainNorms.rmsNorm(x, weight, eps, out, inverseRms);
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
    PlainNorms.rmsNormGrad(x, weight, inverseRms, g, dx, dxWrite, dWeight, dWeightWrite);
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
    PlainNorms.layerNorm(x, weight, bias, eps, out, mean, inverseStd);
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
    PlainNorms.layerNormGrad(
        x, weight, mean, inverseStd, g, dx, dxWrite, dWeight, dWeightWrite, dBias, dBiasWrite);
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
    PlainAttention.rotary(x, positions, cos, sin, inverse, out, write);
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
    PlainAttention.attention(q, k, v, firstKey, scale, out, lse);
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
    PlainAttention.attentionGrad(
        q, k, v, firstKey, scale, out, lse, g, dq, dqWrite, dk, dkWrite, dv, dvWrite);
  }

  @Override
  public void gather(Tensor table, Tensor ids, Tensor out) {
    PlainIndexing.gather(table, ids, out);
  }

  @Override
  public void scatterAdd(Tensor g, Tensor ids, Tensor out) {
    PlainIndexing.scatterAdd(g, ids, out);
  }

  @Override
  public void crossEntropy(Tensor logits, Tensor targets, double scale, Tensor loss, Tensor lse) {
    PlainLosses.crossEntropy(logits, targets, scale, loss, lse);
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
    PlainLosses.crossEntropyGrad(logits, targets, lse, scale, g, dLogits, write);
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
    PlainLosses.headCrossEntropy(hidden, weight, targets, scale, loss, lse, dHidden);
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
    PlainLosses.headCrossEntropyGrad(
        hidden, weight, targets, lse, scale, g, dHidden, dHiddenWrite, dWeight, dWeightWrite);
  }

  @Override
  public long headCrossEntropyBytes(long rows, Tensor weight, DType dtype) {
    return 0;
  }

  @Override
  public void uniform(long seed, long counter, Tensor out) {
    PlainRandom.uniform(seed, counter, out);
  }

  @Override
  public void dropout(
      Tensor x, double probability, long seed, long counter, Tensor out, Write write) {
    PlainRandom.dropout(x, probability, seed, counter, out, write);
  }

  @Override
  public void adamW(
      List<Tensor> parameters,
      List<Tensor> gradients,
      List<Tensor> firstMoments,
      List<Tensor> secondMoments,
      AdamWStep step,
      Tensor gradScale) {
    PlainOptimizers.adamW(parameters, gradients, firstMoments, secondMoments, step, gradScale);
  }
}
