package dev.granula.samples.world;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Endless prose about a world: each document tells all facts of one person, in random order and
 * wording. It has no question, so that a model of it knows the world but has never been asked.
 */
public final class PretrainingText {
  private final World world;
  private final SplittableRandom random;

  public PretrainingText(World world, long seed) {
    this.world = world;
    this.random = new SplittableRandom(seed);
  }

  /** The next document. */
  public String next() {
    String person = world.people().get(random.nextInt(world.people().size()));
    List<Relation> order = new ArrayList<>(List.of(Relation.values()));
    StringBuilder text = new StringBuilder();
    while (!order.isEmpty()) {
      Relation relation = order.remove(random.nextInt(order.size()));
      World.Fact fact = world.fact(person, relation);
      int form = random.nextInt(relation.forms());
      text.append(text.isEmpty() ? "" : " ").append(relation.sentence(form, person, fact.value()));
    }
    return text.toString();
  }
}
