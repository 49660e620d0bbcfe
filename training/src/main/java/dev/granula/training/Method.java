package dev.granula.training;

import dev.granula.gralora.AdapterConfig;
import java.util.Locale;

/** What is trained. */
public sealed interface Method {
  /** A new adapter, GraLoRA or LoRA; the base model stays as it is. */
  record Adapter(AdapterConfig config) implements Method {}

  /** All weights of the base model, in F32. */
  record Full() implements Method {}

  /** The name of the method on the command line. */
  default String label() {
    return switch (this) {
      case Adapter(AdapterConfig config) -> config.peftType().toLowerCase(Locale.ROOT);
      case Full() -> "full";
    };
  }
}
