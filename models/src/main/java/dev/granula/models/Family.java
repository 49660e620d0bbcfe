package dev.granula.models;

import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/** What sets a model family apart from the decoder that all share. */
interface Family {
  /** The name of its class in transformers, for {@code architectures}. */
  String architecture();

  /** Sets what differs from {@link ModelConfig.Builder}'s defaults. */
  void defaults(ModelConfig.Builder builder);

  /** Reads the fields of {@code config.json} that only this family has. */
  void read(ConfigFields fields, ModelConfig.Builder builder);

  /** Notes values that this family cannot have. */
  void check(ModelConfig config, List<String> problems);

  /** Writes the fields that {@link #read} reads. */
  void write(ModelConfig config, ObjectNode json);
}
