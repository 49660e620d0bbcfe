package dev.granula.tensor.internal.simd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.DType;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.CpuDevice;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class DepthBlockTest {
  private static final CpuDevice DEVICE = CpuDevice.of("simd", 1, Memory.Debug.OFF);

  @AfterAll
  static void close() {
    DEVICE.close();
  }

  /** Depths of terms, and of the segments of each block. */
  @ParameterizedTest
  @CsvSource({
    "1, 1",
    "1024, 1024",
    "1100, 550+550",
    "1376, 688 | 688",
    "4864, 972 | 973 | 973 | 973 | 973",
    "512 32, 512+32",
    "1024 128, 1024+128",
    "1024 129, 1024 | 129",
    "1376 64 64, 688 | 688+64+64",
    "32 32 1376, 32+32+688 | 688",
  })
  void segmentsJoinWhileTheyHaveRoom(String depths, String expected) {
    List<Term> terms =
        Arrays.stream(depths.split(" ")).map(depth -> term(Long.parseLong(depth))).toList();
    List<DepthBlock> blocks = DepthBlock.cut(terms);
    List<String> shown =
        blocks.stream()
            .map(block -> block.segments().stream().map(DepthBlock.Segment::depth).toList())
            .map(segments -> segments.toString().replaceAll("[\\[\\]]", "").replace(", ", "+"))
            .toList();
    assertEquals(expected, String.join(" | ", shown));
    for (DepthBlock block : blocks) {
      int at = 0;
      for (DepthBlock.Segment segment : block.segments()) {
        assertEquals(at, segment.at());
        at += segment.depth();
      }
      assertEquals(at, block.depth());
      assertTrue(at <= MatmulKernel.MAX_DEPTH);
    }
  }

  private static Term term(long depth) {
    Tensor a = Tensor.empty(DEVICE, DType.F32, Shape.of(1, depth));
    Tensor b = Tensor.empty(DEVICE, DType.F32, Shape.of(depth, 1));
    return new Term(Matrix.of(a), Matrix.of(b), 1);
  }
}
