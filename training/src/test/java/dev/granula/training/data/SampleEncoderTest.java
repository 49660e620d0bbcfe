package dev.granula.training.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.models.tokenizer.Tokenizer;
import dev.granula.tensor.GranulaException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SampleEncoderTest {
  private static final int END = 7;

  private final Tokenizer tokenizer =
      Tokenizer.load(Path.of("../models/src/test/resources/goldens/tokenizer/llama3"));
  private final SampleEncoder encoder = new SampleEncoder(tokenizer, OptionalInt.of(END), 64);

  private static Dataset dataset(Example... examples) {
    return new Dataset("train.jsonl", List.of(examples));
  }

  private static int[] concat(int[]... parts) {
    return Arrays.stream(parts).flatMapToInt(IntStream::of).toArray();
  }

  @Test
  void aTextIsScoredAsItIsTokenized() {
    Sample sample = encoder.encode(new Example.Text(1, "hello there"));
    assertArrayEquals(tokenizer.encode("hello there", true), sample.tokens());
    assertEquals(1, sample.firstTarget());
    assertEquals(sample.length() - 1, sample.targetCount());
  }

  @Test
  void aTextEndsWithTheEndTokenOnRequest() {
    Sample sample = encoder.withAppendEos(true).encode(new Example.Text(1, "hello"));
    assertArrayEquals(concat(tokenizer.encode("hello", true), new int[] {END}), sample.tokens());
  }

  @Test
  void thePromptIsMaskedAndTheEndTokenIsTheLastTarget() {
    Sample sample = encoder.encode(new Example.Completion(1, "hello", " there"));
    int[] prompt = tokenizer.encode("hello", true);
    int[] completion = tokenizer.encode(" there", false);
    assertArrayEquals(concat(prompt, completion, new int[] {END}), sample.tokens());
    assertEquals(prompt.length, sample.firstTarget());
    assertEquals(completion.length + 1, sample.targetCount());
  }

  @Test
  void noEndTokenOfTheTemplateStandsBetweenPromptAndCompletion() {
    Tokenizer ending =
        Tokenizer.load(Path.of("../models/src/test/resources/goldens/tokenizer/mixed"));
    int begin = ending.bosTokenId().orElseThrow();
    int end = ending.eosTokenId().orElseThrow();
    assertEquals(end, Arrays.stream(ending.encode("hello", true)).reduce((_, id) -> id).orElse(-1));
    Sample sample =
        new SampleEncoder(ending, OptionalInt.of(end), 64)
            .encode(new Example.Completion(1, "hello", " there"));
    int[] prompt = concat(new int[] {begin}, ending.encode("hello", false));
    int[] completion = ending.encode(" there", false);
    assertArrayEquals(concat(prompt, completion, new int[] {end}), sample.tokens());
    assertEquals(prompt.length, sample.firstTarget());
  }

  @Test
  void longSamplesAreCutAndCountedAndThoseWithoutATargetSkipped() {
    String prompt = "hello ".repeat(10);
    EncodedDataset encoded =
        encoder
            .withMaxLength(6)
            .encode(
                dataset(
                    new Example.Text(1, "hi"),
                    new Example.Text(2, prompt),
                    new Example.Completion(3, prompt, "x")));
    assertEquals(2, encoded.cutCount());
    assertEquals(1, encoded.skippedCount());
    assertEquals(List.of(1, 2), encoded.samples().stream().map(Sample::line).toList());
    assertEquals(6, encoded.samples().getLast().length());
  }

  @Test
  void everySampleBeyondTheContextIsNamed() {
    String tooLong = "hello ".repeat(80);
    DataException e =
        assertThrows(
            DataException.class,
            () ->
                encoder.encode(
                    dataset(
                        new Example.Text(4, tooLong),
                        new Example.Text(5, "fine"),
                        new Example.Text(6, tooLong),
                        new Example.Text(9, "\ud800"))));
    assertEquals(3, e.problems().size());
    assertTrue(e.problems().get(0).matches("train.jsonl:4: \\d+ tokens .* context of 64; .*"));
    assertTrue(e.problems().get(2).startsWith("train.jsonl:9: encode: "));
  }

  @Test
  void aCompletionNeedsAnEndToken() {
    SampleEncoder endless = new SampleEncoder(tokenizer, OptionalInt.empty(), 64);
    Dataset pairs = dataset(new Example.Completion(1, "a", "b"));
    assertThrows(DataException.class, () -> endless.encode(pairs));
    Dataset texts = dataset(new Example.Text(1, "hello there"));
    assertEquals(1, endless.encode(texts).size());
    assertThrows(DataException.class, () -> endless.withAppendEos(true).encode(texts));
    assertThrows(GranulaException.class, () -> encoder.withMaxLength(1));
  }
}
