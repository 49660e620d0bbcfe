package dev.granula.bench.work;

import dev.granula.bench.work.Products.Product;
import java.util.List;
import java.util.Map;

/** GFLOP/s of OpenBLAS. */
final class OpenBlasWork implements Work {
  private final Parts<OpenBlasProduct> products = new Parts<>();

  OpenBlasWork(Options options) {
    OpenBlasProduct.setThreads(options.threads());
    for (Product product : Products.all()) {
      products.add(product.label(), new OpenBlasProduct(product));
    }
  }

  @Override
  public Map<String, String> info() {
    return Map.of("OpenBLAS", OpenBlasProduct.configuration());
  }

  @Override
  public List<String> parts() {
    return products.names();
  }

  @Override
  public Map<String, Double> measure(String part) {
    return ProductWork.gigaflops(part, products.get(part));
  }
}
