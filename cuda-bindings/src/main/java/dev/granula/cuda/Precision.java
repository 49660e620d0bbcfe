package dev.granula.cuda;

import dev.granula.tensor.DeviceException;
import java.util.Arrays;
import java.util.Locale;

/**
 * How exactly products are computed, in the words of {@code torch.set_float32_matmul_precision}.
 * Sums are in F32 always, and products of F64 in F64. Where the weight is BF16, cuBLAS wants BF16
 * on both sides: then the other side is split into terms of BF16, each with a product of its own.
 */
public enum Precision {
  /** F32 products in F32; three terms, which together are the F32 number. */
  HIGHEST(3, false),

  /** F32 products in TF32, of 10 bits; two terms, of 16 bits together. */
  HIGH(2, true),

  /** F32 products in TF32; beside a BF16 weight numbers are rounded to BF16, as by autocast. */
  MEDIUM(1, true);

  static final String PROPERTY = "granula.cuda.precision";

  final int terms;
  final boolean tf32;

  Precision(int terms, boolean tf32) {
    this.terms = terms;
    this.tf32 = tf32;
  }

  /**
   * What {@code -Dgranula.cuda.precision=highest|high|medium} says; highest without it.
   *
   * @throws DeviceException for another word
   */
  static Precision standard() {
    String name = System.getProperty(PROPERTY, HIGHEST.name());
    return Arrays.stream(values())
        .filter(precision -> precision.name().equals(name.toUpperCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () ->
                new DeviceException(
                    "cuda: -D%s must be highest, high or medium: %s".formatted(PROPERTY, name)));
  }
}
