package dev.granula.gralora;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Which linear layers to adapt; PEFT's {@code target_modules}, {@code layers_to_transform} and
 * {@code layers_pattern}.
 *
 * @param selection by name, by regular expression, all linear layers, or the architecture's default
 * @param layersToTransform layer numbers that names are restricted to; empty means all
 * @param layersPattern names of the list of layers in a path; empty means any
 */
public record Targets(
    Selection selection, List<Integer> layersToTransform, List<String> layersPattern) {
  /** The four ways to select. */
  public sealed interface Selection {
    /** What PEFT targets for the model's architecture when nothing is named. */
    record ArchitectureDefault() implements Selection {}

    /** Every linear layer but the output head. */
    record AllLinear() implements Selection {}

    /** Every linear layer whose whole path matches. */
    record Regex(String pattern) implements Selection {}

    /**
     * Paths, or their last parts: {@code q_proj} matches {@code model.layers.0.self_attn.q_proj}.
     */
    record Names(Set<String> names) implements Selection {
      public Names {
        names = new TreeSet<>(names);
      }
    }
  }

  public Targets {
    layersToTransform = List.copyOf(layersToTransform);
    layersPattern = List.copyOf(layersPattern);
  }

  Targets withSelection(Selection value) {
    return new Targets(value, layersToTransform, layersPattern);
  }

  public static Targets architectureDefault() {
    return new Targets(new Selection.ArchitectureDefault(), List.of(), List.of());
  }

  public static Targets allLinear() {
    return new Targets(new Selection.AllLinear(), List.of(), List.of());
  }

  public static Targets names(String... names) {
    return new Targets(new Selection.Names(Set.of(names)), List.of(), List.of());
  }

  public static Targets regex(String pattern) {
    return new Targets(new Selection.Regex(pattern), List.of(), List.of());
  }

  /**
   * The command line's form: {@code q_proj,v_proj}, {@code all-linear}, or {@code regex:PATTERN}.
   */
  public static Targets parse(String text) {
    if (text.equalsIgnoreCase("all-linear")) {
      return allLinear();
    }
    if (text.startsWith("regex:")) {
      return regex(text.substring("regex:".length()));
    }
    return names(text.strip().split("\\s*,\\s*"));
  }
}
