package dev.granula.training.quickstart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.cpu.Cpu;
import dev.granula.training.Answers;
import dev.granula.training.data.Example;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QuickstartTest {
  @TempDir Path folder;

  private static Set<String> prompts(List<Example> examples) {
    Set<String> prompts = new HashSet<>();
    for (Example example : examples) {
      if (example instanceof Example.Completion question) {
        prompts.add(question.prompt());
      }
    }
    return prompts;
  }

  /** A run of the embedded task that is far too short to learn it, with a part of the questions. */
  @Test
  void runsFromTheBaseModelToTheMergedOne() {
    Path output = folder.resolve("quickstart");
    Quickstart whole = Quickstart.unpack(output);
    Quickstart part =
        new Quickstart(
            whole.base(),
            whole.train(),
            whole.heldOut().first(5),
            whole.method(),
            whole.options().withSteps(8));
    List<QuickstartListener.Stage> stages = new ArrayList<>();
    QuickstartListener listener =
        new QuickstartListener() {
          @Override
          public void onAnswers(Stage stage, Answers answers) {
            stages.add(stage);
          }
        };
    QuickstartResult result = part.run(output, Cpu.device(), listener).orElseThrow();
    assertEquals(List.of(QuickstartListener.Stage.values()), stages);
    assertEquals(5, result.base().list().size());
    assertFalse(result.base().list().equals(result.tuned().list()), "training changed nothing");
    assertTrue(Files.exists(result.adapter().resolve("adapter_model.safetensors")));
    assertTrue(Files.exists(result.merged().resolve("tokenizer.json")));
  }

  @Test
  void heldOutQuestionsAreNotInTheTrainingData() {
    Quickstart quickstart = Quickstart.unpack(folder.resolve("quickstart"));
    Set<String> heldOut = prompts(quickstart.heldOut().examples());
    assertEquals(quickstart.heldOut().size(), heldOut.size());
    heldOut.retainAll(prompts(quickstart.train().examples()));
    assertEquals(Set.of(), heldOut);
  }

  @Test
  void aStoppedRunHasNoResult() {
    Path output = folder.resolve("quickstart");
    Quickstart whole = Quickstart.unpack(output);
    Quickstart part =
        new Quickstart(
            whole.base(), whole.train(), whole.heldOut().first(1), whole.method(), whole.options());
    QuickstartListener impatient =
        new QuickstartListener() {
          @Override
          public boolean isStopRequested() {
            return true;
          }
        };
    assertTrue(part.run(output, Cpu.device(), impatient).isEmpty());
    assertFalse(Files.exists(output.resolve("merged")));
  }
}
