package dev.granula.tensor.internal.simd;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.MethodModel;
import java.lang.classfile.attribute.CodeAttribute;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A micro-kernel that is inlined shares registers with its caller and spills. */
final class MicroKernelTest {
  /** {@code FreqInlineSize}: C2 never inlines a method with more bytecodes. */
  private static final int LARGEST_INLINED_METHOD = 325;

  @ParameterizedTest
  @CsvSource({
    "Tile4x2, tile",
    "Tile6x4, tile",
    "Tile12x2, tile",
    "AttentionTiles, rowTile",
    "AttentionTiles, rowTileWide",
    "AttentionTiles, columnTile",
    "AttentionTiles, columnTileWide",
    "VectorMath, weights"
  })
  void isTooLargeToBeInlined(String type, String method) throws IOException {
    try (InputStream in = Simd.class.getResourceAsStream(type + ".class")) {
      MethodModel tile =
          ClassFile.of().parse(in.readAllBytes()).methods().stream()
              .filter(candidate -> candidate.methodName().equalsString(method))
              .findFirst()
              .orElseThrow();
      int bytecodes = ((CodeAttribute) tile.code().orElseThrow()).codeLength();
      assertTrue(bytecodes > LARGEST_INLINED_METHOD, "bytecodes: " + bytecodes);
    }
  }
}
