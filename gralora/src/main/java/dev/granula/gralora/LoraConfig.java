package dev.granula.gralora;

import dev.granula.autograd.RandomStream;
import dev.granula.nn.Linear;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Settings of LoRA (Hu et al. 2021), the baseline, with PEFT's names in parentheses.
 *
 * @param rank {@code r}
 * @param alpha numerator of the scale alpha / r ({@code lora_alpha})
 * @param dropout probability on the adapter's input ({@code lora_dropout})
 * @param fanInFanOut weights are [in, out] ({@code fan_in_fan_out})
 * @param initWeights true: the update starts at zero ({@code init_lora_weights})
 * @param targets which layers
 */
public record LoraConfig(
    int rank,
    double alpha,
    double dropout,
    boolean fanInFanOut,
    boolean initWeights,
    Targets targets)
    implements AdapterConfig {
  public static final LoraConfig DEFAULT =
      new LoraConfig(8, 8, 0, false, true, Targets.architectureDefault());

  /** Fields of PEFT's LoraConfig with the only value that is supported here. */
  private static final Map<String, Object> FIXED =
      Map.ofEntries(
          Map.entry("megatron_core", "megatron.core"), Map.entry("qalora_group_size", 16));

  public LoraConfig {
    List<String> problems = new ArrayList<>();
    LowRank.checkCommon(rank, alpha, dropout, problems);
    AdapterException.throwIfAny("LoRA configuration", problems);
  }

  public LoraConfig withRank(int value) {
    return new LoraConfig(value, alpha, dropout, fanInFanOut, initWeights, targets);
  }

  public LoraConfig withAlpha(double value) {
    return new LoraConfig(rank, value, dropout, fanInFanOut, initWeights, targets);
  }

  public LoraConfig withDropout(double value) {
    return new LoraConfig(rank, alpha, value, fanInFanOut, initWeights, targets);
  }

  public LoraConfig withTargets(Targets value) {
    return new LoraConfig(rank, alpha, dropout, fanInFanOut, initWeights, value);
  }

  /** {@code false} draws B at random too, so that the update is not zero: for tests. */
  public LoraConfig withInitWeights(boolean value) {
    return new LoraConfig(rank, alpha, dropout, fanInFanOut, value, targets);
  }

  @Override
  public String peftType() {
    return "LORA";
  }

  @Override
  public double scale() {
    return alpha / rank;
  }

  @Override
  public List<String> check(String path, Linear base) {
    return List.of();
  }

  @Override
  public Adapter create(Linear base, RandomStream random) {
    return new Lora(this, base, random);
  }

  @Override
  public Map<String, Object> toPeft() {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("r", rank);
    fields.put("lora_alpha", PeftFields.number(alpha));
    fields.put("lora_dropout", dropout);
    fields.put("fan_in_fan_out", fanInFanOut);
    fields.put("init_lora_weights", initWeights);
    return fields;
  }

  static LoraConfig fromPeft(PeftFields fields) {
    int rank = fields.integer("r", DEFAULT.rank);
    double alpha = fields.number("lora_alpha", DEFAULT.alpha);
    double dropout = fields.number("lora_dropout", DEFAULT.dropout);
    boolean fanInFanOut = fields.bool("fan_in_fan_out", DEFAULT.fanInFanOut);
    boolean initWeights =
        fields.initialisation(
            "init_lora_weights", DEFAULT.initWeights, Set.of("gaussian", "orthogonal"));
    Targets targets = fields.targets();
    FIXED.forEach(fields::accept);
    fields.finish();
    return new LoraConfig(rank, alpha, dropout, fanInFanOut, initWeights, targets);
  }
}
