package dev.granula.gralora;

import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;
import dev.granula.nn.Linear;
import dev.granula.nn.Parameter;
import java.util.ArrayList;
import java.util.List;

/**
 * GraLoRA on one linear layer: the weight [O, I] is cut into k x k blocks and every block (j, n)
 * has its own update of rank r/k, so that the whole has rank up to k r at the cost of rank r.
 * Tensors are PEFT's (peft/tuners/gralora/layer.py): gralora_A [k, I/k, r], gralora_B [k, r, O/k],
 * and for h &gt; 0 gralora_A_general.weight [h, I], gralora_B_general.weight [O, h].
 */
public final class GraLora extends Adapter {
  private final GraLoraConfig config;
  private final List<Parameter> factors = new ArrayList<>();

  GraLora(GraLoraConfig config, Linear base, RandomStream random) {
    super(config);
    this.config = config;
    long in = base.inFeatures();
    long out = base.outFeatures();
    long k = config.blocks();
    long r = config.rank();
    long h = config.hybridRank();
    boolean zeroB = config.initWeights();
    double boundA = Math.sqrt((double) k / in);
    add("gralora_A", LowRank.uniform(base, random, boundA, k, in / k, r));
    add(
        "gralora_B",
        zeroB
            ? LowRank.zeros(base, k, r, out / k)
            : LowRank.uniform(base, random, 1 / Math.sqrt(r), k, r, out / k));
    if (h > 0) {
      double boundGeneral = 1 / Math.sqrt(in);
      add("gralora_A_general.weight", LowRank.uniform(base, random, boundGeneral, h, in));
      add(
          "gralora_B_general.weight",
          zeroB
              ? LowRank.zeros(base, out, h)
              : LowRank.uniform(base, random, 1 / Math.sqrt(h), out, h));
    }
  }

  private void add(String name, Parameter parameter) {
    factors.add(register(name, parameter));
  }

  @Override
  List<Parameter> factors() {
    return factors;
  }

  @Override
  Variable toBlockForm(int index, Variable stored) {
    return stored;
  }

  @Override
  double dropout() {
    return config.dropout();
  }

  @Override
  int blocks() {
    return config.blocks();
  }
}
