package dev.granula.training;

import dev.granula.models.generation.Generation;
import dev.granula.models.generation.GenerationOptions;
import dev.granula.models.generation.Generator;
import dev.granula.training.data.DataException;
import dev.granula.training.data.Dataset;
import dev.granula.training.data.Example;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Greedily generated answers to the prompts of a data set, in its order, beside the right ones.
 *
 * @param list one answer for each prompt
 */
public record Answers(List<Answer> list) {
  private static final int BATCH_SIZE = 32;

  /**
   * One answer.
   *
   * @param prompt as in the data set
   * @param expected its completion
   * @param given what the model generated
   */
  public record Answer(String prompt, String expected, String given) {
    /** Whether the texts are equal but for white space around them. */
    public boolean isCorrect() {
      return given.strip().equals(expected.strip());
    }
  }

  public Answers {
    list = List.copyOf(list);
  }

  static Answers of(LanguageModel model, Dataset data, int maxNewTokens) {
    List<Example.Completion> questions = questions(data);
    GenerationOptions options =
        GenerationOptions.greedy(maxNewTokens).withStopTokenIds(model.stopTokens());
    Generator generator = new Generator(model.network());
    List<Answer> answers = new ArrayList<>();
    for (int from = 0; from < questions.size(); from += BATCH_SIZE) {
      List<Example.Completion> batch =
          questions.subList(from, Math.min(questions.size(), from + BATCH_SIZE));
      List<int[]> prompts =
          batch.stream().map(q -> model.tokenizer().encodePrompt(q.prompt())).toList();
      List<Generation> generations = generator.generate(prompts, options, (_, _) -> {});
      for (int i = 0; i < batch.size(); i++) {
        Example.Completion question = batch.get(i);
        String given = model.tokenizer().decode(generations.get(i).tokenArray(), true);
        answers.add(new Answer(question.prompt(), question.completion(), given));
      }
    }
    return new Answers(answers);
  }

  private static List<Example.Completion> questions(Dataset data) {
    List<Example.Completion> questions = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    for (Example example : data.examples()) {
      if (example instanceof Example.Completion question) {
        questions.add(question);
      } else {
        problems.add(
            "%s:%d: needs a `prompt` and a `completion`".formatted(data.name(), example.line()));
      }
    }
    if (!problems.isEmpty()) {
      throw new DataException("answer questions", problems);
    }
    return questions;
  }

  /** Number of answers that are exactly right. */
  public long correct() {
    return list.stream().filter(Answer::isCorrect).count();
  }

  /** Share of answers that are exactly right. */
  public double accuracy() {
    return (double) correct() / list.size();
  }

  /** Share that always giving the most frequent of the right answers would get. */
  public double mostFrequentShare() {
    Map<String, Long> counts =
        list.stream()
            .map(answer -> answer.expected().strip())
            .collect(Collectors.groupingBy(Function.identity(), Collectors.counting()));
    return (double) counts.values().stream().mapToLong(Long::longValue).max().orElse(0)
        / list.size();
  }
}
