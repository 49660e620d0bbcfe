package dev.granula.bench.work;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.granula.bench.work.Products.Product;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ProductsTest {
  @Test
  void labelsNameTheirProducts() {
    assertEquals(18, Products.all().stream().map(Product::label).distinct().count());
    for (Product product : Products.all()) {
      assertEquals(product, Product.parse(product.label()));
    }
  }

  @Test
  void optionsAreNamesAndValues() {
    Options options = Options.parse(List.of("rank=64", "base=bf16", "checkpointing=true"));
    assertEquals(64, options.number("rank", 32));
    assertEquals(2, options.number("k", 2));
    assertEquals(dev.granula.tensor.DType.BF16, options.base());
    assertThrows(IllegalArgumentException.class, () -> Options.parse(List.of("rank")));
  }
}
