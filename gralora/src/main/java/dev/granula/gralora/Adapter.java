package dev.granula.gralora;

import dev.granula.autograd.Variable;
import dev.granula.nn.Module;
import dev.granula.nn.Parameter;
import dev.granula.tensor.GranulaException;
import dev.granula.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The trainable update of one linear layer. Every method here is given in the block form of {@link
 * AdaptedProduct}: A [k, I/k, r], B [k, r, O/k] and, for a hybrid part, Ag [h, I], Bg [O, h]. Its
 * parameters carry the names of PEFT's files.
 */
public abstract class Adapter extends Module {
  private final AdapterConfig config;

  Adapter(AdapterConfig config) {
    this.config = config;
  }

  public AdapterConfig config() {
    return config;
  }

  public double scale() {
    return config.scale();
  }

  /** A, B and, with a hybrid part, Ag, Bg. */
  abstract List<Parameter> factors();

  /** Factor {@code index} as the product takes it, from the layout of the file. */
  abstract Variable toBlockForm(int index, Variable stored);

  abstract double dropout();

  final List<Variable> blockFactors() {
    List<Variable> result = new ArrayList<>();
    for (int i = 0; i < factors().size(); i++) {
      result.add(toBlockForm(i, factors().get(i).variable()));
    }
    return result;
  }

  /**
   * The update of the weight, [O, I]: {@code scale} times the block products plus {@code scale Bg
   * Ag} (PEFT's {@code get_delta_weight}).
   */
  public final Tensor deltaWeight() {
    return BlockUpdate.of(data(), scale());
  }

  /**
   * How a step along the gradients of the factors moves the weight itself, to first order: the
   * fused gradient of the paper's Eq. 4 and 5, [O, I]. With learning rate lr a step of plain
   * gradient descent changes the fused weight by {@code -lr * fusedGradient()}. The scale c enters
   * twice, once through {@code W + c R} and once through the gradients of the factors: with F =
   * dL/dW the block (i, j) is {@code c^2 (F_ij A_ij A_ij^T + B_ij B_ij^T F_ij)}. Full fine-tuning's
   * is F.
   *
   * @throws GranulaException if a factor has no gradient
   */
  public final Tensor fusedGradient() {
    List<Tensor> values = data();
    List<Tensor> gradients = new ArrayList<>();
    for (int i = 0; i < factors().size(); i++) {
      Tensor gradient = factors().get(i).grad();
      if (gradient == null) {
        throw new GranulaException("fusedGradient: there is no gradient yet; call backward first");
      }
      gradients.add(toBlockForm(i, Variable.constant(gradient)).data());
    }
    return BlockUpdate.derivative(values, gradients, scale());
  }

  private List<Tensor> data() {
    return blockFactors().stream().map(Variable::data).toList();
  }

  /** Number of blocks per side. */
  abstract int blocks();

  @Nullable Parameter parameter(String peftName) {
    return namedParameters().get(peftName);
  }
}
