package dev.granula.bench.work;

import java.util.List;

/** The matrix products of the comparison. */
public final class Products {
  /**
   * {@code out [rows, columns] = a [rows, depth] b}, b [depth, columns] or, transposed, [columns,
   * depth].
   */
  public record Product(long rows, long columns, long depth, boolean transposed) {
    public double flop() {
      return 2.0 * rows * columns * depth;
    }

    /** For example {@code AB 1024x512x512}. */
    public String label() {
      return "%s %dx%dx%d".formatted(transposed ? "ABt" : "AB", rows, columns, depth);
    }

    /** The product that {@link #label} names. */
    public static Product parse(String label) {
      String[] parts = label.split("[ x]");
      return new Product(
          Long.parseLong(parts[1]),
          Long.parseLong(parts[2]),
          Long.parseLong(parts[3]),
          parts[0].equals("ABt"));
    }
  }

  /** Rows, columns and depth: what the two model sizes train with, and a large square. */
  private static final long[][] SIZES = {
    {1024, 512, 512},
    {1024, 1376, 512},
    {1024, 512, 1376},
    {1024, 8192, 512},
    {256, 896, 896},
    {256, 4864, 896},
    {256, 896, 4864},
    {256, 128, 896},
    {2048, 2048, 2048}
  };

  private Products() {}

  public static List<Product> all() {
    return List.of(false, true).stream()
        .flatMap(
            transposed ->
                List.of(SIZES).stream().map(s -> new Product(s[0], s[1], s[2], transposed)))
        .toList();
  }
}
