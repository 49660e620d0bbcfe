package dev.granula.training.data;

import dev.granula.models.tokenizer.Tokenizer;
import dev.granula.tensor.GranulaException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/**
 * Turns examples into tokens. A text is scored as it is tokenized: no token is added but those that
 * its tokenizer adds. A prompt is tokenized as for generation and masked; its completion follows as
 * a text of its own, and the end-of-sequence token is the last target.
 *
 * @param tokenizer of the model
 * @param endOfSequence ends a completion; empty if the model has none
 * @param contextLength positions that the model has
 * @param maxLength longer samples are cut to this many tokens; {@link #UNLIMITED} cuts none
 * @param appendEos whether a text, too, ends with the end-of-sequence token
 */
public record SampleEncoder(
    Tokenizer tokenizer,
    OptionalInt endOfSequence,
    int contextLength,
    int maxLength,
    boolean appendEos) {
  public static final int UNLIMITED = Integer.MAX_VALUE;

  private static final String ENCODE = "encode data";

  /** Cuts nothing and adds nothing to texts. */
  public SampleEncoder(Tokenizer tokenizer, OptionalInt endOfSequence, int contextLength) {
    this(tokenizer, endOfSequence, contextLength, UNLIMITED, false);
  }

  public SampleEncoder {
    if (maxLength < 2) {
      throw new GranulaException(
          "encode data: the maximum length must be at least 2, a token and its target: "
              + maxLength);
    }
  }

  public SampleEncoder withMaxLength(int length) {
    return new SampleEncoder(tokenizer, endOfSequence, contextLength, length, appendEos);
  }

  public SampleEncoder withAppendEos(boolean append) {
    return new SampleEncoder(tokenizer, endOfSequence, contextLength, maxLength, append);
  }

  /**
   * All examples of a data set.
   *
   * @throws DataException naming every example that is longer than the model's context or cannot be
   *     encoded, or that no example has a target
   */
  public EncodedDataset encode(Dataset dataset) {
    requireEndOfSequence(dataset);
    List<Sample> samples = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    int cut = 0;
    for (Example example : dataset.examples()) {
      String where = "%s:%d: ".formatted(dataset.name(), example.line());
      try {
        Sample whole = encode(example);
        cut += whole.length() > maxLength ? 1 : 0;
        Sample sample = cut(whole);
        if (sample.length() > contextLength) {
          problems.add(where + tooLong(sample));
        } else if (sample.targetCount() > 0) {
          samples.add(sample);
        }
      } catch (IllegalArgumentException e) {
        problems.add(where + e.getMessage());
      }
    }
    DataException.throwIfAny(ENCODE, problems);
    if (samples.isEmpty()) {
      throw new DataException(ENCODE, List.of(dataset.name() + ": no example has a target token"));
    }
    return new EncodedDataset(dataset.name(), samples, cut, dataset.size() - samples.size());
  }

  private String tooLong(Sample sample) {
    return "%d tokens are more than the model's context of %d; set the maximum length to cut it"
        .formatted(sample.length(), contextLength);
  }

  private void requireEndOfSequence(Dataset dataset) {
    boolean needed =
        appendEos || dataset.examples().stream().anyMatch(Example.Completion.class::isInstance);
    if (needed && endOfSequence.isEmpty()) {
      throw new DataException(
          ENCODE,
          List.of(
              "%s: the last target is the end-of-sequence token, but neither tokenizer nor model"
                      .formatted(dataset.name())
                  + " names one; set eos_token in tokenizer_config.json"));
    }
  }

  /** One example, not cut. */
  public Sample encode(Example example) {
    return switch (example) {
      case Example.Text(int line, String text) -> {
        int[] tokens = tokenizer.encode(text, true);
        yield new Sample(line, appendEos ? ended(tokens) : tokens, 1);
      }
      case Example.Completion(int line, String prompt, String completion) -> {
        int[] before = tokenizer.encodePrompt(prompt);
        int[] after = ended(tokenizer.encode(completion, false));
        int[] tokens = Arrays.copyOf(before, before.length + after.length);
        System.arraycopy(after, 0, tokens, before.length, after.length);
        yield new Sample(line, tokens, Math.max(1, before.length));
      }
    };
  }

  /** With the end-of-sequence token, unless it stands there already. */
  private int[] ended(int[] tokens) {
    int end = endOfSequence.orElseThrow();
    if (tokens.length > 0 && tokens[tokens.length - 1] == end) {
      return tokens;
    }
    int[] longer = Arrays.copyOf(tokens, tokens.length + 1);
    longer[tokens.length] = end;
    return longer;
  }

  private Sample cut(Sample sample) {
    return sample.length() <= maxLength
        ? sample
        : new Sample(
            sample.line(), Arrays.copyOf(sample.tokens(), maxLength), sample.firstTarget());
  }
}
