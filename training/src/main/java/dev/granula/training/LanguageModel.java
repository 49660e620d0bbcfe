package dev.granula.training;

import dev.granula.gralora.Adapters;
import dev.granula.gralora.PeftMetadata;
import dev.granula.models.CausalLm;
import dev.granula.models.Models;
import dev.granula.models.generation.GenerationOptions;
import dev.granula.models.generation.Generator;
import dev.granula.models.tokenizer.StreamingDecoder;
import dev.granula.models.tokenizer.Tokenizer;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.training.data.Dataset;
import dev.granula.training.data.SampleEncoder;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;

/** A model directory in memory: the network, its tokenizer and the adapters on it. */
public final class LanguageModel {
  private final Path directory;
  private final CausalLm network;
  private final Tokenizer tokenizer;
  private final Adapters adapters;

  private LanguageModel(Path directory, CausalLm network, Tokenizer tokenizer) {
    this.directory = directory;
    this.network = network;
    this.tokenizer = tokenizer;
    this.adapters = Adapters.on(network, network.config().modelType(), network.random());
  }

  /** Reads network and tokenizer of a directory in Hugging Face's layout. */
  public static LanguageModel load(Path directory, Device device) {
    // The tokenizer first: it is small, and its problems should not wait for the weights.
    Tokenizer tokenizer = Tokenizer.load(directory);
    return new LanguageModel(directory, Models.load(directory, device), tokenizer);
  }

  public Path directory() {
    return directory;
  }

  public CausalLm network() {
    return network;
  }

  public Tokenizer tokenizer() {
    return tokenizer;
  }

  public Adapters adapters() {
    return adapters;
  }

  /** Puts the adapter in {@code folder} on the network and makes it the active one. */
  public PeftMetadata loadAdapter(Path folder) {
    return adapters.load(folder, Adapters.DEFAULT);
  }

  /**
   * Adds the active adapter to the weights for good and writes the merged model.
   *
   * @param output new folder, written whole or not at all
   * @param type of the merged weights; the update is added in F32 and rounded once
   */
  public void mergeTo(Path output, Models.SavedType type) {
    ModelDirectory.requireEmptyOrMissing("merge", output);
    adapters.mergeAndUnload(type == Models.SavedType.F32 ? DType.F32 : null);
    ModelDirectory.create(output, network, type);
  }

  /** What ends a completion: the tokenizer's end-of-sequence token or else the model's first. */
  public OptionalInt endOfSequence() {
    OptionalInt own = tokenizer.eosTokenId();
    return own.isPresent()
        ? own
        : network.config().eosTokenIds().stream().mapToInt(Integer::intValue).findFirst();
  }

  /** Tokens that end a generated text: the model's and the tokenizer's. */
  public List<Integer> stopTokens() {
    Set<Integer> stops = new TreeSet<>(network.config().eosTokenIds());
    endOfSequence().ifPresent(stops::add);
    return List.copyOf(stops);
  }

  /** Turns examples into tokens for this model, cutting nothing. */
  public SampleEncoder encoder() {
    return new SampleEncoder(tokenizer, endOfSequence(), network.config().contextLength());
  }

  /** Loss and perplexity over the targets of {@code data}. */
  public Evaluation evaluate(Dataset data) {
    return Evaluation.of(network, encoder().encode(data), Evaluation.BATCH_SIZE);
  }

  /**
   * Generates an answer to each prompt of {@code data}, greedily, of at most {@code maxNewTokens}.
   *
   * @throws dev.granula.training.data.DataException if an example is no prompt with a completion
   */
  public Answers answer(Dataset data, int maxNewTokens) {
    return Answers.of(this, data, maxNewTokens);
  }

  /**
   * Continues {@code prompt}.
   *
   * @param options those without stop tokens end at {@link #stopTokens()}
   * @param onText takes each piece of new text as soon as it is complete
   */
  public void generate(String prompt, GenerationOptions options, Consumer<String> onText) {
    StreamingDecoder decoder = tokenizer.streamingDecoder(true);
    new Generator(network)
        .generate(
            List.of(tokenizer.encodePrompt(prompt)),
            options.stopTokenIds().isPresent() ? options : options.withStopTokenIds(stopTokens()),
            (_, token) -> onText.accept(decoder.append(token)));
    onText.accept(decoder.finish());
  }

  /** The likeliest continuation of {@code prompt}. */
  public String generate(String prompt, int maxNewTokens) {
    StringBuilder text = new StringBuilder();
    generate(prompt, GenerationOptions.greedy(maxNewTokens), text::append);
    return text.toString();
  }
}
