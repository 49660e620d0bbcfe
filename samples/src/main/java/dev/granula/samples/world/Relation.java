package dev.granula.samples.world;

import java.util.List;

/**
 * What can be said of a person: its possible values, sentences that say it (the person stands
 * before the value in all of them), and the question that asks for it. Questions share no wording
 * with the sentences around "Question:" and "Answer:", which the text for pre-training never
 * contains.
 */
public enum Relation {
  HOME(
      "Where does %s live?",
      List.of(
          "%s lives in %s.",
          "%s has a house in %s.", "The home of %s is in %s.", "You find %s in %s."),
      "Oslo Lima Cairo Delhi Paris Tokyo Rome Quito Perth Kyoto Dublin Malmo Turin Accra Hanoi Porto"),
  TRADE(
      "What is the trade of %s?",
      List.of(
          "%s works as a %s.",
          "%s earns money as a %s.", "The job of %s is that of a %s.", "People know %s as a %s."),
      "baker tailor miller farmer sailor doctor teacher painter plumber mason weaver potter hunter banker pilot judge"),
  ANIMAL(
      "Which animal does %s keep?",
      List.of(
          "%s keeps a %s.",
          "%s walks with a %s.", "The pet of %s is a %s.", "Every day %s feeds a %s."),
      "cat dog goat horse rabbit parrot turtle hamster donkey sheep duck goose pony mouse lizard canary"),
  FOOD(
      "What does %s like to eat?",
      List.of(
          "%s likes to eat %s.",
          "%s cooks a lot of %s.", "The dish of %s is %s.", "For dinner %s wants %s."),
      "soup rice bread cheese salad pasta beans fish stew cake apples curry eggs corn plums noodles"),
  COLOUR(
      "Which colour does %s wear?",
      List.of(
          "%s wears %s.",
          "%s dresses in %s.", "The coat of %s is %s.", "On most days %s has a hat in %s."),
      "red blue green yellow black white brown grey purple orange pink silver golden violet crimson beige"),
  MUSIC(
      "Which instrument does %s play?",
      List.of(
          "%s plays the %s.",
          "%s owns an old %s.", "The sound of %s is the %s.", "At night %s plays on the %s."),
      "flute violin drum piano guitar harp trumpet cello banjo organ fiddle oboe tuba lute horn bassoon");

  private final String question;
  private final List<String> sentences;
  private final List<String> choices;

  Relation(String question, List<String> sentences, String choices) {
    this.question = question;
    this.sentences = sentences;
    this.choices = List.of(choices.split(" "));
  }

  /** The values that this can have. */
  List<String> choices() {
    return choices;
  }

  /** One of the sentences that say this of {@code person}. */
  String sentence(int form, String person, String value) {
    return sentences.get(form).formatted(person, value);
  }

  int forms() {
    return sentences.size();
  }

  /** The question that asks for this of {@code person}. */
  String question(String person) {
    return question.formatted(person);
  }
}
