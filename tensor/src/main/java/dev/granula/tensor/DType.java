package dev.granula.tensor;

/**
 * Element types. Arithmetic is done in F32 or F64; the other floating types are storage formats.
 */
public enum DType {
  F32(4, true),
  F64(8, true),
  BF16(2, true),
  F16(2, true),
  I32(4, false),
  I64(8, false);

  private final int byteSize;
  private final boolean floating;

  DType(int byteSize, boolean floating) {
    this.byteSize = byteSize;
    this.floating = floating;
  }

  /** Bytes per element. */
  public int byteSize() {
    return byteSize;
  }

  public boolean isFloating() {
    return floating;
  }

  /** The F32 value of a BF16 bit pattern: BF16 is the upper half of F32. */
  public static float bf16ToFloat(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /** The BF16 bit pattern nearest to {@code value}, ties to even; a NaN stays a (quiet) NaN. */
  public static short floatToBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) ((bits >>> 16) | 0x40);
    }
    return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
  }
}
