package dev.granula.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;
import dev.granula.tensor.DType;
import dev.granula.tensor.GranulaException;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.CpuDevice;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The tree of modules: paths, exchange of children, and what is refused. */
final class ModuleTest {
  private final CpuDevice device = CpuDevice.of("reference", 1, Memory.Debug.POISON);

  @AfterEach
  void close() {
    device.close();
  }

  private Tensor weight(long... dims) {
    return Tensor.emptyPersistent(device, DType.F32, Shape.of(dims));
  }

  /** An up and a down projection, which adapters may wrap, and dropout. */
  private final class Mlp extends Layer {
    private final Slot<Layer> up = slot("up_proj", Linear.of(weight(8, 4), weight(8)));
    private final Slot<Layer> down = slot("down_proj", Linear.of(weight(4, 8), null));
    private final Dropout dropout = register("dropout", new Dropout(0.1, new RandomStream(1)));

    @Override
    public Variable forward(Variable x) {
      return dropout.forward(down.get().forward(up.get().forward(x)));
    }
  }

  private final class Tree extends Module {
    private final Parameter scale = register("scale", Parameter.adapter(weight(1)));
    private final Mlp mlp = register("mlp", new Mlp());
    private final Embedding embedding = register("embed_tokens", new Embedding(weight(9, 4)));

    Parameter take(String name) {
      return register(name, Parameter.base(weight(1)));
    }

    Embedding takeChild(String name) {
      return register(name, new Embedding(weight(9, 4)));
    }

    Slot<Layer> takeSlot(String name) {
      return slot(name, Linear.of(weight(4, 4), null));
    }

    void leave(String name) {
      unregister(name);
    }
  }

  @Test
  void pathsAreDottedInOrderOfRegistration() {
    Tree tree = new Tree();
    assertEquals(
        List.of("", "mlp", "mlp.up_proj", "mlp.down_proj", "mlp.dropout", "embed_tokens"),
        List.copyOf(tree.namedModules().keySet()));
    assertEquals(
        List.of(
            "scale",
            "mlp.up_proj.weight",
            "mlp.up_proj.bias",
            "mlp.down_proj.weight",
            "embed_tokens.weight"),
        List.copyOf(tree.namedParameters().keySet()));
    assertSame(tree, tree.namedModules().get(""));
    assertSame(tree.scale, tree.namedParameters().get("scale"));
    assertSame(tree.mlp.down.get(), tree.namedModules().get("mlp.down_proj"));
    assertSame(tree.embedding.weight(), tree.namedParameters().get("embed_tokens.weight"));
    assertEquals(Optional.empty(), tree.outputHead());
  }

  @ParameterizedTest
  @CsvSource({"scale", "mlp", "''"})
  void takenAndEmptyNamesAreRefused(String name) {
    Tree tree = new Tree();
    var paths = tree.namedParameters().keySet();
    String message = "register: the name '%s' is taken or empty in Tree".formatted(name);
    assertRefused(message, () -> tree.take(name));
    assertRefused(message, () -> tree.takeChild(name));
    assertRefused(message, () -> tree.takeSlot(name));
    assertEquals(paths, tree.namedParameters().keySet());
  }

  @Test
  void namesThatWereLeftAreFree() {
    Tree tree = new Tree();
    tree.leave("scale");
    tree.leave("mlp");
    assertEquals(List.of("embed_tokens.weight"), List.copyOf(tree.namedParameters().keySet()));
    assertSame(tree.take("mlp"), tree.namedParameters().get("mlp"));
  }

  @Test
  void exchangingThroughASlotChangesTheTree() {
    Tree tree = new Tree();
    Slot<?> slot = tree.slotAt("mlp.up_proj");
    assertSame(tree.mlp.up, slot);
    Linear replacement = Linear.of(weight(8, 4), null);
    slot.set(replacement);
    assertSame(replacement, tree.mlp.up.get());
    assertFalse(tree.namedParameters().containsKey("mlp.up_proj.bias"));
    assertSame(replacement.weight(), tree.namedParameters().get("mlp.up_proj.weight"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "mlp.gate_proj | 'gate_proj' | Mlp has [up_proj, down_proj, dropout]",
        "attn.q_proj | 'attn' | Tree has [mlp, embed_tokens]",
        "mlp.up_proj.base | 'base' | Linear has []",
        "mlp. | '' | Mlp has [up_proj, down_proj, dropout]",
        "\"\" | '' | Tree has [mlp, embed_tokens]",
        "scale | 'scale' | Tree has [mlp, embed_tokens]",
      },
      quoteCharacter = '"')
  void unknownPathsAreRefused(String path, String missing, String children) {
    assertRefused(
        "module: there is no %s in path '%s'; %s".formatted(missing, path, children),
        () -> new Tree().slotAt(path));
  }

  @Test
  void slotsTakeOnlyTheirType() {
    Tree tree = new Tree();
    Module embedding = new Embedding(weight(9, 4));
    Layer before = tree.mlp.up.get();
    assertRefused(
        "exchange: this place takes Layer, not Embedding",
        () -> tree.slotAt("mlp.up_proj").set(embedding));
    assertRefused(
        "exchange: this place takes Layer, not String",
        () -> tree.slotAt("mlp.up_proj").set("a layer"));
    assertRefused(
        "exchange: this place takes nothing else, not Embedding",
        () -> tree.slotAt("embed_tokens").set(embedding));
    assertSame(before, tree.mlp.up.get());
    assertSame(tree.embedding, tree.slotAt("embed_tokens").get());
  }

  @Test
  void trainingReachesTheWholeTree() {
    Tree tree = new Tree();
    assertTrue(tree.namedModules().values().stream().noneMatch(Module::isTraining));
    tree.setTraining(true);
    assertTrue(tree.namedModules().values().stream().allMatch(Module::isTraining));
    tree.mlp.setTraining(false);
    assertTrue(tree.isTraining());
    assertFalse(tree.mlp.dropout.isTraining());
    assertTrue(tree.embedding.isTraining());
  }

  private static void assertRefused(String message, Runnable action) {
    GranulaException e = assertThrows(GranulaException.class, action::run);
    assertEquals(message, e.getMessage());
  }
}
