package dev.granula.samples.world;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Collectors;

/**
 * Questions about a world, split by combination: a quarter of all pairs of person and relation is
 * held out, so that no held-out question (nor its answer for that person) occurs in training, while
 * every person and every relation does.
 *
 * @param training questions to learn from
 * @param heldOut questions to be tested on
 */
public record Questions(List<Question> training, List<Question> heldOut) {
  private static final int RELATIONS = Relation.values().length;

  /** A prompt and the answer that belongs behind it. */
  public record Question(String prompt, String completion) {
    /** One line of JSON; the texts are plain ASCII without quotes or backslashes. */
    String json() {
      return "{\"prompt\": \"%s\", \"completion\": \"%s\"}"
          .formatted(prompt.replace("\n", "\\n"), completion);
    }
  }

  /** Of each person one or two of the six relations are held out, drawn with {@code seed}. */
  public static Questions about(World world, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Question> training = new ArrayList<>();
    List<Question> heldOut = new ArrayList<>();
    for (String person : world.people()) {
      int first = random.nextInt(RELATIONS);
      int second = random.nextBoolean() ? random.nextInt(RELATIONS) : first;
      for (Relation relation : Relation.values()) {
        boolean held = relation.ordinal() == first || relation.ordinal() == second;
        (held ? heldOut : training).add(question(world.fact(person, relation)));
      }
    }
    return new Questions(training, heldOut);
  }

  private static Question question(World.Fact fact) {
    String asked = fact.relation().question(fact.person());
    String answer = fact.relation().sentence(0, fact.person(), fact.value());
    return new Question("Question: " + asked + "\nAnswer:", " " + answer);
  }

  /** One JSON object a line, as the trainer reads it. */
  public static String jsonLines(List<Question> questions) {
    return questions.stream().map(Question::json).collect(Collectors.joining("\n", "", "\n"));
  }
}
