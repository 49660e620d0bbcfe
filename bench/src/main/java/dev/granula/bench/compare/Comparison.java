package dev.granula.bench.compare;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs one row: our process and the peer's in turn, one of them awake at a time. */
final class Comparison {
  /** The name of the one value of a row that starts a process per round. */
  static final String START_SECONDS = "start s";

  private static final double NANOS_PER_SECOND = 1e9;

  private final Settings settings;
  private final Row row;
  private final Samples ours = new Samples();
  private final Samples theirs = new Samples();
  private final Map<String, String> info = new LinkedHashMap<>();

  Comparison(Settings settings, Row row) {
    this.settings = settings;
    this.row = row;
  }

  Result run() throws IOException, InterruptedException {
    switch (row.start()) {
      case WARM -> runWarm();
      case COLD -> runCold();
    }
    return new Result(row, ours, row.peer() == null ? ours : theirs, info);
  }

  private void runWarm() throws IOException, InterruptedException {
    try (Child us = start(row.ours(), "ours")) {
      us.awaitReady();
      info.putAll(us.info());
      if (row.peer() == null) {
        for (int round = 0; round < rounds(); round++) {
          for (String part : us.parts()) {
            ours.add(us.measure(part));
          }
        }
      } else {
        us.pause();
        try (Child them = start(row.peer(), "peer")) {
          them.awaitReady();
          info.putAll(them.info());
          them.pause();
          inTurn(us, them);
          them.resume();
          theirs.addPeakKib(them.end());
        }
        us.resume();
      }
      ours.addPeakKib(us.end());
    }
  }

  private void inTurn(Child us, Child them) throws IOException, InterruptedException {
    for (int round = 0; round < rounds(); round++) {
      for (String part : us.parts()) {
        us.resume();
        ours.add(us.measure(part));
        us.pause();
        them.resume();
        theirs.add(them.measure(part));
        them.pause();
      }
    }
  }

  private int rounds() {
    return settings.rounds() * row.repeats();
  }

  /** The first pair of starts fills the system's file cache and does not count. */
  private void runCold() throws IOException, InterruptedException {
    Side peer = row.peer();
    for (int round = -1; round < settings.rounds(); round++) {
      startOnce(row.ours(), "ours", round < 0 ? new Samples() : ours);
      if (peer != null) {
        startOnce(peer, "peer", round < 0 ? new Samples() : theirs);
      }
    }
  }

  private void startOnce(Side side, String name, Samples samples)
      throws IOException, InterruptedException {
    long start = System.nanoTime();
    try (Child child = start(side, name)) {
      child.awaitReady();
      samples.add(Map.of(START_SECONDS, (System.nanoTime() - start) / NANOS_PER_SECOND));
      samples.addPeakKib(child.end());
    }
  }

  private Child start(Side side, String name) throws IOException {
    Path log = settings.log(row, name);
    List<String> command = settings.command(row, side);
    return Child.start(command, log);
  }
}
