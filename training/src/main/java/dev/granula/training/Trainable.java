package dev.granula.training;

import dev.granula.gralora.AdapterConfig;
import dev.granula.gralora.Adapters;
import dev.granula.gralora.PeftMetadata;
import dev.granula.models.Models;
import dev.granula.nn.Parameter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/** The weights of a run, and the folder that they become. */
sealed interface Trainable {
  /** The trained weights by name. */
  Map<String, Parameter> parameters();

  OptionalDouble scale();

  /** Paths of the adapted layers. */
  List<String> targets();

  void save(Path directory);

  /** Prepares {@code model} for training by {@code method}; a failure leaves it as it was. */
  static Trainable prepare(LanguageModel model, Method method, long seed) {
    return switch (method) {
      case Method.Adapter(AdapterConfig config) -> AdapterWeights.attach(model, config, seed);
      case Method.Full() -> AllWeights.unfreeze(model);
    };
  }

  /** A new adapter, saved as PEFT does. */
  record AdapterWeights(LanguageModel model, AdapterConfig config) implements Trainable {
    static AdapterWeights attach(LanguageModel model, AdapterConfig config, long seed) {
      model.adapters().attach(Adapters.DEFAULT, config, seed);
      return new AdapterWeights(model, config);
    }

    @Override
    public Map<String, Parameter> parameters() {
      return model.adapters().parameters();
    }

    @Override
    public OptionalDouble scale() {
      return OptionalDouble.of(config.scale());
    }

    @Override
    public List<String> targets() {
      return List.copyOf(model.adapters().layers().keySet());
    }

    @Override
    public void save(Path directory) {
      PeftMetadata metadata = PeftMetadata.causalLm(model.directory().toString());
      model.adapters().save(directory, Adapters.DEFAULT, metadata);
    }
  }

  /** Every weight of the model, saved as a model directory in F32, as trained. */
  record AllWeights(LanguageModel model) implements Trainable {
    static AllWeights unfreeze(LanguageModel model) {
      for (Parameter parameter : model.network().namedParameters().values()) {
        parameter.widen();
        parameter.setTrainable(true);
      }
      return new AllWeights(model);
    }

    @Override
    public Map<String, Parameter> parameters() {
      return model.network().namedParameters();
    }

    @Override
    public OptionalDouble scale() {
      return OptionalDouble.empty();
    }

    @Override
    public List<String> targets() {
      return List.of();
    }

    @Override
    public void save(Path directory) {
      Models.save(model.network(), directory, Models.SavedType.F32);
    }
  }
}
