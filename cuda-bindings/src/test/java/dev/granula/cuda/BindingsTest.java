package dev.granula.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.granula.cuda.bindings.cublas_h;
import dev.granula.cuda.bindings.cuda_h;
import dev.granula.cuda.bindings.nvrtc_h;
import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The bindings, hand-written or generated, against the signatures and constants in the class files
 * of org.bytedeco:cuda, which others made from NVIDIA's headers; and against the lists that
 * jextract gets.
 */
final class BindingsTest {
  private static final Path FILTERS = Path.of("src", "main", "jextract");

  /** Their class names, by library. */
  private static final List<String> THEIRS = List.of("cudart", "cublas", "nvrtc");

  static Stream<Class<?>> bindings() {
    return Stream.of(cuda_h.class, cublas_h.class, nvrtc_h.class);
  }

  private static List<Method> functions(Class<?> bindings) {
    return Arrays.stream(bindings.getMethods())
        .filter(m -> Modifier.isStatic(m.getModifiers()))
        .filter(m -> m.getName().matches("(cu|nvrtc)[A-Za-z0-9_]+"))
        .toList();
  }

  private static List<Method> constants(Class<?> bindings) {
    return Arrays.stream(bindings.getMethods())
        .filter(m -> Modifier.isStatic(m.getModifiers()) && m.getParameterCount() == 0)
        .filter(m -> m.getName().matches("(CU|CUDA|CUBLAS|NVRTC)_[A-Z0-9_]+"))
        .toList();
  }

  private static List<ClassModel> theirs() {
    return THEIRS.stream().map(BindingsTest::parse).toList();
  }

  private static ClassModel parse(String name) {
    String file = "org/bytedeco/cuda/global/%s.class".formatted(name);
    try (InputStream in = BindingsTest.class.getClassLoader().getResourceAsStream(file)) {
      return ClassFile.of().parse(Objects.requireNonNull(in, file).readAllBytes());
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Kinds of the result and the parameters: I, J, or A for whatever is an address. */
  private static String kinds(MethodTypeDesc type) {
    return Stream.concat(Stream.of(type.returnType()), type.parameterList().stream())
        .map(BindingsTest::kind)
        .collect(Collectors.joining());
  }

  private static String kind(ClassDesc type) {
    return type.isPrimitive() ? type.descriptorString() : "A";
  }

  private static String kinds(Method method) {
    return kinds(
        MethodTypeDesc.of(
            method.getReturnType().describeConstable().orElseThrow(),
            Arrays.stream(method.getParameterTypes())
                .map(type -> type.describeConstable().orElseThrow())
                .toList()));
  }

  /** Their names lack the version that a macro of the header adds. */
  private static Set<String> theirKinds(String function) {
    Set<String> kinds = new TreeSet<>();
    for (String name : List.of(function, function.replaceFirst("_v2$", ""))) {
      for (ClassModel model : theirs()) {
        model.methods().stream()
            .filter(method -> method.methodName().equalsString(name))
            .forEach(method -> kinds.add(kinds(method.methodTypeSymbol())));
      }
    }
    return kinds;
  }

  @ParameterizedTest
  @MethodSource("bindings")
  void functionsTakeWhatOthersSayTheyTake(Class<?> bindings) {
    assertFalse(functions(bindings).isEmpty());
    for (Method function : functions(bindings)) {
      Set<String> expected = theirKinds(function.getName());
      assertEquals(expected, new TreeSet<>(Set.of(kinds(function))), function.getName());
    }
  }

  @ParameterizedTest
  @MethodSource("bindings")
  void constantsAreThoseOfOthers(Class<?> bindings) throws ReflectiveOperationException {
    assertFalse(constants(bindings).isEmpty());
    for (Method constant : constants(bindings)) {
      assertEquals(theirConstant(constant.getName()), constant.invoke(null), constant.getName());
    }
  }

  private static Object theirConstant(String name) {
    Object value =
        theirs().stream()
            .flatMap(model -> model.fields().stream())
            .filter(field -> field.fieldName().equalsString(name))
            .findFirst()
            .flatMap(field -> field.findAttribute(Attributes.constantValue()))
            .map(attribute -> attribute.constant().constantValue())
            .orElse(null);
    assertNotNull(value, name);
    return value;
  }

  /** What jextract is told to include is what is there. */
  @ParameterizedTest
  @MethodSource("bindings")
  void listsOfJextractAreComplete(Class<?> bindings) throws IOException {
    String file = bindings.getSimpleName().replace("_h", ".filter");
    List<String> listed =
        Files.readAllLines(FILTERS.resolve(file)).stream()
            .map(line -> line.replaceFirst("--include-(function|constant) ", ""))
            .sorted()
            .toList();
    List<String> there = new ArrayList<>();
    functions(bindings).forEach(function -> there.add(function.getName()));
    constants(bindings).forEach(constant -> there.add(constant.getName()));
    assertEquals(listed, there.stream().sorted().toList());
  }
}
