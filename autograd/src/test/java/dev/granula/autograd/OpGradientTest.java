package dev.granula.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.autograd.op.Op;
import dev.granula.autograd.op.VectorJacobian;
import dev.granula.autograd.ops.Pointwise;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Tensor;
import java.io.IOException;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every op, every input: {@link GradCheck} in F64, and a ledger that no op escapes. */
final class OpGradientTest {
  @TestFactory
  Stream<DynamicTest> vectorJacobianProductsAreCentralDifferences() {
    return OpCases.all().stream().map(c -> DynamicTest.dynamicTest(c.name(), () -> check(c)));
  }

  private static void check(OpCases.Case c) {
    GradCheck.Result result =
        c.check().check(c.name(), c.function(), c.inputs().toArray(Tensor[]::new)).orThrow();
    long elements = c.inputs().stream().mapToLong(t -> t.shape().elementCount()).sum();
    assertEquals(elements, result.elements());
  }

  /** Reads from the graphs that the cases record, so that a case cannot claim what it lacks. */
  @Test
  void everyOpAndEveryInputHasACase() throws Exception {
    Map<Object, Coverage> seen = new HashMap<>();
    for (OpCases.Case c : OpCases.all()) {
      try (Scope _ = Points.DEVICE.memory().step()) {
        List<Variable> leaves = c.inputs().stream().map(Variable::leaf).toList();
        record(c.function().apply(leaves), seen);
      }
    }
    List<String> missing = new ArrayList<>();
    for (Object op : opsInTheModule()) {
      Coverage coverage = seen.get(op);
      if (coverage == null || !coverage.checked.equals(coverage.inputs)) {
        missing.add("%s: %s".formatted(op, coverage));
      }
    }
    assertEquals(List.of(), missing, "add a case to OpCases");
  }

  /** Inputs of an op that some case has, and those that some case differentiates. */
  private record Coverage(BitSet inputs, BitSet checked) {}

  private static void record(Variable root, Map<Object, Coverage> seen) {
    Deque<Variable> open = new ArrayDeque<>(List.of(root));
    while (!open.isEmpty()) {
      Node node = open.pop().node();
      if (node == null) {
        continue;
      }
      Coverage coverage =
          seen.computeIfAbsent(key(node.op), _ -> new Coverage(new BitSet(), new BitSet()));
      coverage.inputs.set(0, node.inputs.length);
      for (int i = 0; i < node.inputs.length; i++) {
        if (node.inputs[i].requiresGrad()) {
          coverage.checked.set(i);
          open.push(node.inputs[i]);
        }
      }
    }
  }

  /** A pointwise constant whatever its number is, or the class of another op. */
  private static Object key(VectorJacobian op) {
    return op instanceof Pointwise p ? p.with(0) : op.getClass();
  }

  private static List<Object> opsInTheModule() throws Exception {
    List<Object> ops = new ArrayList<>();
    for (Class<?> type : classesOfTheModule()) {
      boolean isOp = VectorJacobian.class.isAssignableFrom(type) && !type.isInterface();
      if (isOp && type != Pointwise.class && type != Checkpoint.class) {
        ops.add(type);
      }
    }
    for (var field : Pointwise.class.getFields()) {
      if (Modifier.isStatic(field.getModifiers()) && field.getType() == Pointwise.class) {
        ops.add(key((Pointwise) field.get(null)));
      }
    }
    assertTrue(ops.size() > 30, () -> "the scan found only " + ops);
    return ops;
  }

  private static List<Class<?>> classesOfTheModule()
      throws IOException, URISyntaxException, ClassNotFoundException {
    Path root = Path.of(Op.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    assertTrue(Files.isDirectory(root), () -> "not a class folder: " + root);
    List<Class<?>> classes = new ArrayList<>();
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".class")).toList()) {
        String name =
            root.relativize(file).toString().replace(file.getFileSystem().getSeparator(), ".");
        String type = name.substring(0, name.length() - ".class".length());
        if (!type.equals("module-info")) {
          classes.add(Class.forName(type, false, Op.class.getClassLoader()));
        }
      }
    }
    return classes;
  }
}
