package dev.granula.gralora;

import dev.granula.autograd.Autograd;
import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;
import dev.granula.nn.Layer;
import dev.granula.nn.Linear;
import dev.granula.nn.Parameter;
import dev.granula.tensor.DType;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A linear layer with adapters on it. The active ones are summed in the order in which they were
 * made active; while the layer is merged the merged weight alone is used.
 */
public final class AdaptedLinear extends Layer {
  private final Linear base;
  private final RandomStream random;
  private final Map<String, Adapter> adapters = new LinkedHashMap<>();
  private Map<String, Adapter> active = Map.of();
  private @Nullable Linear merged;

  AdaptedLinear(Linear base, RandomStream random) {
    this.base = register(Adapters.BASE_LAYER, base);
    this.random = random;
  }

  public Linear base() {
    return base;
  }

  public Map<String, Adapter> adapters() {
    return Collections.unmodifiableMap(adapters);
  }

  /** The adapters that take part, in the order in which they are summed. */
  public List<Adapter> active() {
    return List.copyOf(active.values());
  }

  void add(String name, Adapter adapter) {
    adapters.put(name, register(name, adapter));
    adapter.setTraining(isTraining());
  }

  void remove(String name) {
    unregister(name);
    adapters.remove(name);
    activate(active.keySet().stream().filter(a -> !a.equals(name)).toList());
  }

  /** Adapters that are not here are passed over: targets of adapters may differ. */
  void activate(List<String> names) {
    Map<String, Adapter> chosen = new LinkedHashMap<>();
    for (String name : names) {
      Adapter adapter = adapters.get(name);
      if (adapter != null) {
        chosen.put(name, adapter);
      }
    }
    active = chosen;
    for (Adapter adapter : adapters.values()) {
      boolean trained = chosen.containsValue(adapter);
      adapter.factors().forEach(factor -> factor.setTrainable(trained));
    }
  }

  /** Without any active adapter this is the base layer alone. */
  @Override
  public Variable forward(Variable x) {
    if (merged != null || active.isEmpty()) {
      return (merged == null ? base : merged).forward(x);
    }
    List<AdaptedProduct.Term> terms = new ArrayList<>();
    List<Variable> inputs = new ArrayList<>(List.of(x, base.weightOutIn()));
    for (Adapter adapter : active.values()) {
      List<Variable> factors = adapter.blockFactors();
      terms.add(term(adapter, factors.size() > 2, x.shape().elementCount()));
      inputs.addAll(factors);
    }
    Variable y = Autograd.apply(new AdaptedProduct(terms), inputs.toArray(Variable[]::new));
    Parameter bias = base.bias();
    return bias == null ? y : y.add(bias.variable());
  }

  private AdaptedProduct.Term term(Adapter adapter, boolean hybrid, long elements) {
    double dropout = isTraining() ? adapter.dropout() : 0;
    long counter = dropout > 0 ? random.take(elements) : 0;
    return new AdaptedProduct.Term(
        adapter.blocks(), adapter.scale(), hybrid, dropout, random.seed(), counter);
  }

  boolean isMerged() {
    return merged != null;
  }

  /**
   * The base layer with the active updates in its weight, added in F32 (F64 for an F64 base) and
   * rounded once to {@code dtype}; this layer stays as it is.
   */
  Linear merge(@Nullable DType dtype) {
    Tensor weight = base.weight().data();
    DType sum = weight.dtype() == DType.F64 ? DType.F64 : DType.F32;
    Tensor total = weight.to(sum);
    Tensor outIn = base.isFanInFanOut() ? total.transpose(0, 1) : total;
    for (Adapter adapter : active.values()) {
      List<Tensor> delta = List.of(adapter.deltaWeight());
      total.backend().evaluate(Expression.input(0), delta, new double[0], outIn, Write.ADD);
    }
    Tensor rounded = total.to(dtype == null ? weight.dtype() : dtype).persistent();
    Parameter bias = base.bias();
    Tensor biasData = bias == null ? null : bias.data();
    return base.isFanInFanOut() ? Linear.conv1d(rounded, biasData) : Linear.of(rounded, biasData);
  }

  void setMerged(@Nullable Linear layer) {
    merged = layer;
  }
}
