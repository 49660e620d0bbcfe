package dev.granula.gralora;

import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;
import dev.granula.nn.Linear;
import dev.granula.nn.Parameter;
import java.util.List;

/**
 * LoRA on one linear layer: lora_A.weight [r, I], lora_B.weight [O, r]. In block form it is the
 * case k = 1, A = [lora_A^T], B = [lora_B^T], so that both methods run through the same product.
 */
public final class Lora extends Adapter {
  private final LoraConfig config;
  private final List<Parameter> factors;

  Lora(LoraConfig config, Linear base, RandomStream random) {
    super(config);
    this.config = config;
    long r = config.rank();
    double bound = 1 / Math.sqrt(base.inFeatures());
    Parameter a = LowRank.uniform(base, random, bound, r, base.inFeatures());
    Parameter b =
        config.initWeights()
            ? LowRank.zeros(base, base.outFeatures(), r)
            : LowRank.uniform(base, random, 1 / Math.sqrt(r), base.outFeatures(), r);
    factors = List.of(register("lora_A.weight", a), register("lora_B.weight", b));
  }

  @Override
  List<Parameter> factors() {
    return factors;
  }

  @Override
  Variable toBlockForm(int index, Variable stored) {
    return stored.transpose(0, 1).reshape(1, stored.shape().dim(1), stored.shape().dim(0));
  }

  @Override
  double dropout() {
    return config.dropout();
  }

  @Override
  int blocks() {
    return 1;
  }
}
