package dev.granula.gralora;

import dev.granula.autograd.RandomStream;
import dev.granula.nn.Linear;
import java.util.List;
import java.util.Map;

/**
 * How a method adapts a linear layer. One class per method holds its settings and its PEFT form.
 */
public interface AdapterConfig {
  /** PEFT's {@code peft_type}. */
  String peftType();

  /** Rank of the low-rank part, without a hybrid part. */
  int rank();

  /** What the update is multiplied by. */
  double scale();

  Targets targets();

  /** PEFT's {@code fan_in_fan_out}: the adapted weights are [in, out]. */
  boolean fanInFanOut();

  /** Problems of adapting {@code base}, which stands at {@code path}. */
  List<String> check(String path, Linear base);

  /** A new adapter for {@code base}; {@code random} draws its initial values. */
  Adapter create(Linear base, RandomStream random);

  /** The fields of {@code adapter_config.json} that belong to this method. */
  Map<String, Object> toPeft();
}
