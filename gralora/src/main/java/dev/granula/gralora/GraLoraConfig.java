package dev.granula.gralora;

import dev.granula.autograd.RandomStream;
import dev.granula.nn.Linear;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Settings of GraLoRA with PEFT's names in parentheses and PEFT's defaults in {@link #DEFAULT}.
 *
 * @param rank rank r of the block part ({@code r}), a multiple of {@code blocks}
 * @param hybridRank rank h of an additional plain LoRA ({@code hybrid_r}); any h &gt; 0 gives up
 *     the locality of gradients that the blocks have
 * @param blocks number k of blocks per side ({@code gralora_k})
 * @param alpha numerator of the scale alpha / (r + h) ({@code alpha})
 * @param dropout probability on the adapter's input ({@code gralora_dropout}); one mask serves the
 *     block and the hybrid part
 * @param fanInFanOut weights are [in, out] ({@code fan_in_fan_out})
 * @param initWeights true: the update starts at zero ({@code init_weights})
 * @param targets which layers
 */
public record GraLoraConfig(
    int rank,
    int hybridRank,
    int blocks,
    double alpha,
    double dropout,
    boolean fanInFanOut,
    boolean initWeights,
    Targets targets)
    implements AdapterConfig {
  public static final GraLoraConfig DEFAULT =
      new GraLoraConfig(32, 0, 2, 64, 0, false, true, Targets.architectureDefault());

  public GraLoraConfig {
    List<String> problems = new ArrayList<>();
    if (blocks < 1) {
      problems.add(
          "`gralora_k` should be a positive integer value but the value passed is " + blocks);
    } else if (rank % blocks != 0) {
      problems.add("r should be divisible by gralora_k, but got %d and %d".formatted(rank, blocks));
    }
    if (hybridRank < 0) {
      problems.add(
          "`hybrid_r` should be a non-negative integer value but the value passed is "
              + hybridRank);
    }
    LowRank.checkCommon(rank, alpha, dropout, problems);
    AdapterException.throwIfAny("GraLoRA configuration", problems);
  }

  public GraLoraConfig withRank(int r, int hybrid, int k) {
    return new GraLoraConfig(r, hybrid, k, alpha, dropout, fanInFanOut, initWeights, targets);
  }

  public GraLoraConfig withAlpha(double value) {
    return new GraLoraConfig(
        rank, hybridRank, blocks, value, dropout, fanInFanOut, initWeights, targets);
  }

  public GraLoraConfig withDropout(double value) {
    return new GraLoraConfig(
        rank, hybridRank, blocks, alpha, value, fanInFanOut, initWeights, targets);
  }

  public GraLoraConfig withTargets(Targets value) {
    return new GraLoraConfig(
        rank, hybridRank, blocks, alpha, dropout, fanInFanOut, initWeights, value);
  }

  /** {@code false} draws B at random too, so that the update is not zero: for tests. */
  public GraLoraConfig withInitWeights(boolean value) {
    return new GraLoraConfig(rank, hybridRank, blocks, alpha, dropout, fanInFanOut, value, targets);
  }

  public GraLoraConfig withFanInFanOut(boolean value) {
    return new GraLoraConfig(rank, hybridRank, blocks, alpha, dropout, value, initWeights, targets);
  }

  @Override
  public String peftType() {
    return "GRALORA";
  }

  @Override
  public double scale() {
    return alpha / (rank + hybridRank);
  }

  @Override
  public List<String> check(String path, Linear base) {
    List<String> problems = new ArrayList<>();
    if (base.inFeatures() % blocks != 0) {
      problems.add(
          "%s: in_features should be divisible by gralora_k, but got %d and %d"
              .formatted(path, base.inFeatures(), blocks));
    }
    if (base.outFeatures() % blocks != 0) {
      problems.add(
          "%s: out_features should be divisible by gralora_k, but got %d and %d"
              .formatted(path, base.outFeatures(), blocks));
    }
    return problems;
  }

  @Override
  public Adapter create(Linear base, RandomStream random) {
    return new GraLora(this, base, random);
  }

  @Override
  public Map<String, Object> toPeft() {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("r", rank);
    fields.put("hybrid_r", hybridRank);
    fields.put("gralora_k", blocks);
    fields.put("alpha", PeftFields.number(alpha));
    fields.put("gralora_dropout", dropout);
    fields.put("fan_in_fan_out", fanInFanOut);
    fields.put("init_weights", initWeights);
    return fields;
  }

  /**
   * Reads PEFT's fields, or those of the authors' own code: it has {@code gralora_alpha} instead of
   * {@code alpha}, and its {@code r} includes {@code hybrid_r}.
   */
  static GraLoraConfig fromPeft(PeftFields fields) {
    int hybrid = fields.integer("hybrid_r", DEFAULT.hybridRank);
    int rank = fields.integer("r", DEFAULT.rank);
    boolean authors = fields.has("gralora_alpha");
    double alpha =
        authors
            ? fields.number("gralora_alpha", DEFAULT.alpha)
            : fields.number("alpha", DEFAULT.alpha);
    int blocks = fields.integer("gralora_k", DEFAULT.blocks);
    double dropout = fields.number("gralora_dropout", DEFAULT.dropout);
    boolean fanInFanOut = fields.bool("fan_in_fan_out", DEFAULT.fanInFanOut);
    boolean initWeights = fields.bool("init_weights", DEFAULT.initWeights);
    Targets targets = fields.targets();
    fields.finish();
    return new GraLoraConfig(
        authors ? rank - hybrid : rank,
        hybrid,
        blocks,
        alpha,
        dropout,
        fanInFanOut,
        initWeights,
        targets);
  }
}
