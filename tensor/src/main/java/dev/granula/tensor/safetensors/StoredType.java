package dev.granula.tensor.safetensors;

import dev.granula.tensor.DType;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The element types of the format. Their order is the reference's, by alignment, and decides the
 * order of the tensors in a file.
 */
public enum StoredType {
  BOOL(8),
  F4(4),
  F6_E2M3(6),
  F6_E3M2(6),
  U8(8),
  I8(8),
  F8_E5M2(8),
  F8_E4M3(8),
  F8_E8M0(8),
  F8_E4M3FNUZ(8),
  F8_E5M2FNUZ(8),
  I16(16),
  U16(16),
  F16(16, DType.F16),
  BF16(16, DType.BF16),
  I32(32, DType.I32),
  U32(32),
  F32(32, DType.F32),
  C64(64),
  F64(64, DType.F64),
  I64(64, DType.I64),
  U64(64);

  private static final Map<String, StoredType> BY_NAME =
      Arrays.stream(values()).collect(Collectors.toUnmodifiableMap(Enum::name, type -> type));

  private final int bits;
  private final @Nullable DType dtype;

  StoredType(int bits) {
    this(bits, null);
  }

  StoredType(int bits, @Nullable DType dtype) {
    this.bits = bits;
    this.dtype = dtype;
  }

  /** Bits per element. */
  public int bits() {
    return bits;
  }

  /** The same type of a {@link dev.granula.tensor.Tensor}, if there is one. */
  public Optional<DType> dtype() {
    return Optional.ofNullable(dtype);
  }

  static @Nullable StoredType named(String name) {
    return BY_NAME.get(name);
  }

  static StoredType of(DType dtype) {
    return switch (dtype) {
      case F32 -> F32;
      case F64 -> F64;
      case BF16 -> BF16;
      case F16 -> F16;
      case I32 -> I32;
      case I64 -> I64;
    };
  }
}
