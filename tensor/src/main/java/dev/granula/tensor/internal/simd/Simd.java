package dev.granula.tensor.internal.simd;

import dev.granula.tensor.DType;
import dev.granula.tensor.GranulaException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector width of this JVM: the widest that the machine prefers, or what the system property
 * {@value #BITS_PROPERTY} says (128, 256 or 512). Species are constants, or C2 would not compile a
 * kernel to vector instructions.
 */
final class Simd {
  static final String BITS_PROPERTY = "granula.simd.bits";
  static final String PLAIN_PROPERTY = "granula.simd.plain";

  static final VectorSpecies<Float> F32 = species();
  static final VectorSpecies<Integer> I32 = F32.withLanes(int.class);

  /** As many BF16 patterns as {@link #F32} has lanes, in half the bits. */
  static final VectorSpecies<Short> BF16 =
      VectorSpecies.of(short.class, VectorShape.forBitSize(F32.vectorBitSize() / 2));

  static final int LANES = F32.length();

  /**
   * A loop stays in its plain form for that many elements: most of a first training step is over
   * before code for some of them is worth compiling. The system property {@value #PLAIN_PROPERTY}
   * is for tests; with 0 vectors are used at once.
   */
  static final long PLAIN_ELEMENTS = Long.getLong(PLAIN_PROPERTY, 1L << 26);

  /** Byte order of every tensor in host memory. */
  static final ByteOrder ORDER = ByteOrder.nativeOrder();

  private Simd() {}

  private static VectorSpecies<Float> species() {
    String bits = System.getProperty(BITS_PROPERTY, "");
    return switch (bits) {
      // Tiles and transpositions are made for at most 512 bits.
      case "" ->
          FloatVector.SPECIES_PREFERRED.length() > FloatVector.SPECIES_512.length()
              ? FloatVector.SPECIES_512
              : FloatVector.SPECIES_PREFERRED;
      case "128" -> FloatVector.SPECIES_128;
      case "256" -> FloatVector.SPECIES_256;
      case "512" -> FloatVector.SPECIES_512;
      default ->
          throw new GranulaException(
              "simd: %s must be 128, 256 or 512: %s; leave it out for the width of this machine"
                  .formatted(BITS_PROPERTY, bits));
    };
  }

  /** The F32 values of BF16 patterns: BF16 is the upper half of F32. */
  static FloatVector widen(ShortVector bf16) {
    return bf16.convertShape(VectorOperators.ZERO_EXTEND_S2I, I32, 0)
        .reinterpretAsInts()
        .lanewise(VectorOperators.LSHL, 16)
        .reinterpretAsFloats();
  }

  /** The vector from element {@code index} on of F32, or of BF16 widened, in native memory. */
  static FloatVector load(MemorySegment memory, boolean bf16, long index) {
    return bf16
        ? widen(ShortVector.fromMemorySegment(BF16, memory, index * 2, ORDER))
        : FloatVector.fromMemorySegment(F32, memory, index * 4, ORDER);
  }

  /** Element {@code index} of F32, or of BF16 widened, in native memory. */
  static float loadScalar(MemorySegment memory, boolean bf16, long index) {
    return bf16
        ? DType.bf16ToFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT, index))
        : memory.getAtIndex(ValueLayout.JAVA_FLOAT, index);
  }
}
