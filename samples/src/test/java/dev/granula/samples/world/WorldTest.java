package dev.granula.samples.world;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The world, its prose and its questions. */
class WorldTest {
  private static final long SPLIT_SEED = 7;

  private final World world = new World(World.SEED);
  private final Questions questions = Questions.about(world, SPLIT_SEED);

  private static String prose(long seed) {
    PretrainingText text = new PretrainingText(new World(World.SEED), seed);
    StringBuilder all = new StringBuilder();
    for (int i = 0; i < 500; i++) {
      all.append(text.next()).append('\n');
    }
    return all.toString();
  }

  @Test
  void theSeedMakesTheText() {
    assertEquals(prose(1), prose(1));
    assertFalse(prose(1).equals(prose(2)));
    assertEquals(1856286743, prose(1).hashCode(), "the text that the base model was trained on");
  }

  @Test
  void proseIsPlainAndNeverAsks() {
    String prose = prose(1);
    assertTrue(prose.chars().allMatch(c -> c == '\n' || c >= ' ' && c < 127));
    for (String word : List.of("?", "Question", "Answer", "Where", "What", "Which")) {
      assertFalse(prose.contains(word), word);
    }
  }

  @Test
  void noHeldOutCombinationIsTrained() {
    Set<String> trained = new HashSet<>();
    questions.training().forEach(question -> trained.add(question.prompt()));
    assertEquals(questions.training().size(), trained.size());
    questions.heldOut().forEach(question -> assertFalse(trained.contains(question.prompt())));
    assertEquals(world.facts().size(), trained.size() + questions.heldOut().size());
  }

  @Test
  void everyPersonAndEveryRelationIsTrained() {
    for (String person : world.people()) {
      assertTrue(questions.training().stream().anyMatch(q -> q.prompt().contains(" " + person)));
    }
    for (Relation relation : Relation.values()) {
      String asked = relation.question("Ada").replaceFirst("Ada.*", "");
      assertTrue(questions.training().stream().anyMatch(q -> q.prompt().contains(asked)));
    }
  }

  @Test
  void noAnswerIsFrequent() {
    Map<String, Long> counts =
        questions.heldOut().stream()
            .collect(Collectors.groupingBy(Questions.Question::completion, Collectors.counting()));
    long most = counts.values().stream().max(Long::compare).orElseThrow();
    assertTrue(
        most <= 0.1 * questions.heldOut().size(), most + " of " + questions.heldOut().size());
  }
}
