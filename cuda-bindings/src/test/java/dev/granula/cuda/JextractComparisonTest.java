package dev.granula.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The hand-written bindings against jextract's output, where the build has found jextract: the same
 * functions with the same call signatures and function descriptors, and the same constants. The
 * sources are compared, since a class of either links only where CUDA is.
 */
final class JextractComparisonTest {
  private static final Path WRITTEN = Path.of("src/bindings/java/dev/granula/cuda/bindings");
  private static final Path GENERATED =
      Path.of("target/generated-sources/jextract/dev/granula/cuda/bindings");

  /** Name, and the layouts of result and parameters. */
  private static final Pattern DESCRIPTOR =
      Pattern.compile("class (\\w+) \\{[^{}]*?FunctionDescriptor\\.(of(?:Void)?\\([^()]*\\))");

  /** Result, name, and types with names of the parameters. */
  private static final Pattern SIGNATURE =
      Pattern.compile("public static (\\w+) ((?:cu|nvrtc)\\w+)\\(([^()]*)\\) \\{");

  private static final Pattern CONSTANT =
      Pattern.compile(
          "(?:public static int (\\w+)\\(\\) \\{\\s*return (-?\\d+);"
              + "|private static final int (\\w+) = \\(int\\)(-?\\d+)L;)");

  private static String read(Path folder, String name) throws IOException {
    return Files.readString(folder.resolve(name + ".java"));
  }

  private static Map<String, String> descriptors(String source) {
    Map<String, String> all = new TreeMap<>();
    for (MatchResult match : DESCRIPTOR.matcher(source).results().toList()) {
      all.put(match.group(1), match.group(2).replaceAll("\\s|\\w+_h\\.", ""));
    }
    return all;
  }

  private static Map<String, String> signatures(String source) {
    Map<String, String> all = new TreeMap<>();
    for (MatchResult match : SIGNATURE.matcher(source).results().toList()) {
      String types = match.group(3).replaceAll("(\\w+) \\w+", "$1");
      all.put(match.group(2), match.group(1) + "(" + types + ")");
    }
    return all;
  }

  private static Map<String, Integer> constants(String source) {
    Map<String, Integer> all = new TreeMap<>();
    for (MatchResult match : CONSTANT.matcher(source).results().toList()) {
      boolean method = match.group(1) != null;
      all.put(match.group(method ? 1 : 3), Integer.valueOf(match.group(method ? 2 : 4)));
    }
    return all;
  }

  @ParameterizedTest
  @ValueSource(strings = {"cuda_h", "cublas_h", "nvrtc_h"})
  void handWrittenBindingsAreWhatJextractMakes(String name) throws IOException {
    assumeTrue(
        Boolean.getBoolean("jextract.found"),
        "jextract is neither on the PATH nor named by -Djextract.home: nothing to compare with");
    String written = read(WRITTEN, name);
    String generated = read(GENERATED, name);
    assertFalse(descriptors(generated).isEmpty());
    assertEquals(descriptors(generated), descriptors(written));
    assertEquals(signatures(generated), signatures(written));
    assertEquals(constants(generated), constants(written));
    System.out.printf(
        "%s: %d functions (names, call signatures, function descriptors) and %d constants are"
            + " the same%n",
        name, descriptors(written).size(), constants(written).size());
  }
}
