package dev.granula.samples.world;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * People and what is true of them; {@link SplittableRandom} gives the same world on every machine.
 */
public final class World {
  /** The seed of the world that the quickstart ships with. */
  public static final long SEED = 2025;

  private static final String NAMES =
      "Ada Alma Amir Anja Arlo Astrid Basil Bela Bruno Carla Cedric Clara Dario Diana Dora Edgar Elif"
          + " Elsa Emil Enzo Erika Esra Fabio Farid Fiona Frida Gita Goran Greta Gustav Hana Hugo Ida"
          + " Igor Ilse Imran Ines Iris Ivan Jana Jonas Judith Kamil Karin Kenji Klara Lara Leo Lena"
          + " Lina Lorenz Luca Magda Malik Marta Mila Mira Moritz Nadia Nils Noah Nora Olga Omar Oskar"
          + " Paula Pedro Petra Pia Quinn Rafi Rania Remy Rosa Ruben Sami Sara Selma Simon Sonja Stefan"
          + " Tamar Tariq Theo Tilda Uma Ugo Vera Viktor Wanda Willem Xenia Yara Yusuf Zeno Zora";

  /** One true statement. */
  public record Fact(String person, Relation relation, String value) {}

  private final List<String> people = List.of(NAMES.split(" "));
  private final Map<String, Map<Relation, String>> values = new java.util.HashMap<>();

  public World(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (String person : people) {
      Map<Relation, String> own = new EnumMap<>(Relation.class);
      for (Relation relation : Relation.values()) {
        own.put(relation, relation.choices().get(random.nextInt(relation.choices().size())));
      }
      values.put(person, own);
    }
  }

  public List<String> people() {
    return people;
  }

  public Fact fact(String person, Relation relation) {
    Map<Relation, String> own = values.get(person);
    String value = own == null ? null : own.get(relation);
    if (value == null) {
      throw new IllegalArgumentException("nobody is called " + person);
    }
    return new Fact(person, relation, value);
  }

  /** All facts, person by person. */
  public List<Fact> facts() {
    List<Fact> facts = new ArrayList<>();
    for (String person : people) {
      for (Relation relation : Relation.values()) {
        facts.add(fact(person, relation));
      }
    }
    return facts;
  }
}
