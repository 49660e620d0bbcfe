package dev.granula.bench.work;

import dev.granula.bench.work.Products.Product;
import dev.granula.tensor.Device;
import java.util.List;
import java.util.Map;

/** GFLOP/s of our products, with the right-hand side in the element type {@code base}. */
final class ProductWork implements Work {
  private static final double SECONDS_PER_PRODUCT = 0.1;

  private final Parts<OurProduct> products = new Parts<>();
  private final String backend;

  ProductWork(Options options) {
    Device device = options.device();
    backend = device.backend().name();
    for (Product product : Products.all()) {
      products.add(product.label(), new OurProduct(device, product, options.base()));
    }
  }

  @Override
  public Map<String, String> info() {
    return Map.of("back end", backend);
  }

  @Override
  public List<String> parts() {
    return products.names();
  }

  @Override
  public Map<String, Double> measure(String part) {
    return gigaflops(part, products.get(part));
  }

  static Map<String, Double> gigaflops(String label, Runnable work) {
    double seconds = Clock.meanSeconds(work, SECONDS_PER_PRODUCT);
    return Map.of(label, Product.parse(label).flop() / seconds / 1e9);
  }
}
