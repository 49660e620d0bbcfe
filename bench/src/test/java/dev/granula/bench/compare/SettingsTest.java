package dev.granula.bench.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

final class SettingsTest {
  private static Settings parse(String... arguments) {
    return Settings.parse(Path.of("/r"), List.of("-Xmx1g"), "python3", List.of(arguments));
  }

  @Test
  void withoutArgumentsEveryRowRunsFiveRounds() {
    Settings settings = parse();
    assertEquals(Rows.ALL, settings.chosen());
    assertEquals(5, settings.rounds());
    assertEquals(2, settings.threads());
    assertEquals(Path.of("/r/bench/history.jsonl"), settings.history());
  }

  @Test
  void rowsAreChosenByNameAndKeepTheirOrder() {
    Settings settings = parse("start", "--rounds", "9", "products");
    assertEquals(List.of("products", "start"), settings.chosen().stream().map(Row::name).toList());
    assertEquals(9, settings.rounds());
  }

  @Test
  void quickHalvesTheWarmUp() {
    Row row = Rows.ALL.getFirst();
    Settings settings = parse("--quick");
    assertTrue(settings.rounds() < 5);
    assertEquals(row.warmUpSeconds() / 2, settings.warmUpSeconds(row));
  }

  @Test
  void wrongUseIsSaid() {
    assertThrows(IllegalArgumentException.class, () -> parse("no-such-row"));
    assertThrows(IllegalArgumentException.class, () -> parse("--rounds"));
    assertThrows(IllegalArgumentException.class, () -> parse("--rounds", "0"));
  }

  @Test
  void bothSidesGetTheSameThreadsAndWarmUp() {
    Row row = Rows.ALL.stream().filter(r -> r.name().equals("step-r32")).findFirst().orElseThrow();
    Settings settings = parse("--threads", "4");
    List<String> ours = settings.command(row, row.ours());
    List<String> peer = settings.command(row, row.peer());
    for (List<String> command : List.of(ours, peer)) {
      assertTrue(command.containsAll(List.of("threads=4", "warmup=" + row.warmUpSeconds())));
    }
    assertTrue(ours.contains("-Xmx1g"));
    assertEquals(List.of("python3", "/r/bench/peers/step.py"), peer.subList(0, 2));
  }

  @Test
  void rowNamesAreUnique() {
    assertEquals(Rows.ALL.size(), Rows.ALL.stream().map(Row::name).distinct().count());
  }
}
