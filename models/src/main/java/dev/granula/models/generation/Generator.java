package dev.granula.models.generation;

import dev.granula.autograd.Autograd;
import dev.granula.autograd.Variable;
import dev.granula.models.CausalLm;
import dev.granula.models.KeyValueCache;
import dev.granula.models.TokenBatch;
import dev.granula.tensor.GranulaException;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Scope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Continues texts, several at once. Nothing is recorded for gradients, dropout is off meanwhile.
 *
 * <pre>{@code
 * Generator generator = new Generator(model);
 * Generation answer = generator.generate(tokenizer.encodePrompt("Hello"), GenerationOptions.greedy(20));
 * }</pre>
 */
public final class Generator {
  private final CausalLm model;

  public Generator(CausalLm model) {
    this.model = model;
  }

  /** Continues one prompt. */
  public Generation generate(int[] prompt, GenerationOptions options) {
    return generate(List.of(prompt), options, (_, _) -> {}).getFirst();
  }

  /**
   * Continues prompts of any lengths together.
   *
   * @throws GranulaException if a prompt is empty or does not leave room for the new tokens in the
   *     model's context
   */
  public List<Generation> generate(
      List<int[]> prompts, GenerationOptions options, TokenListener listener) {
    if (prompts.isEmpty()) {
      return List.of();
    }
    check(prompts, options);
    boolean training = model.isTraining();
    model.setTraining(false);
    try {
      return Autograd.noGrad(() -> new Run(prompts, options, listener).toEnd());
    } finally {
      model.setTraining(training);
    }
  }

  private void check(List<int[]> prompts, GenerationOptions options) {
    int context = model.config().contextLength();
    List<String> problems = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      int length = prompts.get(i).length;
      if (length == 0) {
        problems.add("prompt %d has no tokens; begin with the begin-of-text token".formatted(i));
      } else if (length + (long) options.maxNewTokens() > context) {
        problems.add(
            "prompt %d has %d tokens, %d more exceed the context of %d; ask for fewer"
                .formatted(i, length, options.maxNewTokens(), context));
      }
    }
    if (!problems.isEmpty()) {
      throw new GranulaException("generate: " + String.join("; ", problems));
    }
  }

  /** One call: prompts are padded on the left, so that all their last tokens stand together. */
  private final class Run {
    private final GenerationOptions options;
    private final TokenListener listener;
    private final Sampler sampler;
    private final List<Integer> stopTokens;
    private final int[][] prompts;
    private final int longest;
    private final List<List<Integer>> texts = new ArrayList<>();
    private final boolean[] stopped;

    Run(List<int[]> prompts, GenerationOptions options, TokenListener listener) {
      this.prompts = prompts.toArray(int[][]::new);
      this.options = options;
      this.listener = listener;
      sampler = new Sampler(options);
      stopTokens = options.stopTokenIds().orElse(model.config().eosTokenIds());
      longest = prompts.stream().mapToInt(prompt -> prompt.length).max().orElseThrow();
      stopped = new boolean[prompts.size()];
      prompts.forEach(_ -> texts.add(new ArrayList<>()));
    }

    List<Generation> toEnd() {
      Memory memory = model.device().memory();
      try (Scope _ = memory.step()) {
        long room = longest + options.maxNewTokens() - 1L;
        KeyValueCache cache =
            new KeyValueCache(model.config(), model.device(), prompts.length, room);
        for (int step = 0; step < options.maxNewTokens() && !isAllStopped(); step++) {
          try (Scope _ = memory.step()) {
            choose(scores(step == 0 ? promptBatch() : nextBatch(step), cache), step);
          }
        }
      }
      return IntStream.range(0, prompts.length)
          .mapToObj(i -> new Generation(texts.get(i), stopped[i]))
          .toList();
    }

    private boolean isAllStopped() {
      return IntStream.range(0, stopped.length).allMatch(i -> stopped[i]);
    }

    /** Scores of the token behind the last one, a row per prompt. */
    private float[] scores(TokenBatch batch, KeyValueCache cache) {
      Variable hidden = model.hiddenStates(batch, cache);
      long length = batch.length();
      Variable last = hidden.slice(1, length - 1, length);
      return model
          .logits(last.reshape(prompts.length, model.config().hiddenSize()))
          .data()
          .toFloatArray();
    }

    private void choose(float[] scores, int step) {
      int vocabulary = model.config().vocabularySize();
      for (int i = 0; i < prompts.length; i++) {
        if (!stopped[i]) {
          int from = i * vocabulary;
          int token = sampler.pick(Arrays.copyOfRange(scores, from, from + vocabulary), i, step);
          texts.get(i).add(token);
          stopped[i] = stopTokens.contains(token);
          listener.onToken(i, token);
        }
      }
    }

    private TokenBatch promptBatch() {
      int[][] ids = new int[prompts.length][longest];
      int[][] positions = new int[prompts.length][longest];
      for (int i = 0; i < prompts.length; i++) {
        int padding = padding(i);
        for (int t = padding; t < longest; t++) {
          ids[i][t] = prompts[i][t - padding];
          positions[i][t] = t - padding;
        }
      }
      return batch(ids, positions);
    }

    /** The tokens that were just chosen; a text that has ended repeats its last one. */
    private TokenBatch nextBatch(int step) {
      int[][] ids = new int[prompts.length][1];
      int[][] positions = new int[prompts.length][1];
      for (int i = 0; i < prompts.length; i++) {
        ids[i][0] = texts.get(i).getLast();
        positions[i][0] = prompts[i].length + step - 1;
      }
      return batch(ids, positions);
    }

    private TokenBatch batch(int[][] ids, int[][] positions) {
      int length = ids[0].length;
      int @Nullable [][] firstKeys = null;
      if (Arrays.stream(prompts).anyMatch(prompt -> prompt.length < longest)) {
        firstKeys = new int[prompts.length][length];
        for (int i = 0; i < prompts.length; i++) {
          Arrays.fill(firstKeys[i], padding(i));
        }
      }
      return TokenBatch.of(model.device(), ids, positions, null, firstKeys);
    }

    private int padding(int prompt) {
      return longest - prompts[prompt].length;
    }
  }
}
