package dev.granula.bench.work;

import dev.granula.bench.work.Products.Product;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas;

/** One product of OpenBLAS, on native operands of its own. */
public final class OpenBlasProduct implements Runnable {
  private final Product product;
  private final FloatPointer a;
  private final FloatPointer b;
  private final FloatPointer out;

  public OpenBlasProduct(Product product) {
    this.product = product;
    a = random(product.rows() * product.depth());
    b = random(product.depth() * product.columns());
    out = random(product.rows() * product.columns());
  }

  private static FloatPointer random(long count) {
    FloatPointer pointer = new FloatPointer(count);
    SplittableRandom random = new SplittableRandom(7);
    for (long i = 0; i < count; i++) {
      pointer.put(i, (float) random.nextDouble());
    }
    return pointer;
  }

  public static void setThreads(int threads) {
    call("openblas_set_num_threads", FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT), threads);
  }

  /** Version and build, and the processor type that OpenBLAS chose its kernels for. */
  public static String configuration() {
    return text("openblas_get_config") + "; kernels for " + text("openblas_get_corename");
  }

  private static String text(String function) {
    MemorySegment text = (MemorySegment) call(function, FunctionDescriptor.of(ValueLayout.ADDRESS));
    return text.reinterpret(Integer.MAX_VALUE).getString(0).strip();
  }

  /** A function of OpenBLAS's own interface, which JavaCPP does not bind. */
  private static Object call(String function, FunctionDescriptor type, Object... arguments) {
    Loader.load(openblas.class);
    MemorySegment address = SymbolLookup.loaderLookup().findOrThrow(function);
    try {
      return Linker.nativeLinker().downcallHandle(address, type).invokeWithArguments(arguments);
    } catch (Throwable e) {
      throw new IllegalStateException("call " + function, e);
    }
  }

  @Override
  public void run() {
    int rows = (int) product.rows();
    int columns = (int) product.columns();
    int depth = (int) product.depth();
    openblas.cblas_sgemm(
        openblas.CblasRowMajor,
        openblas.CblasNoTrans,
        product.transposed() ? openblas.CblasTrans : openblas.CblasNoTrans,
        rows,
        columns,
        depth,
        1,
        a,
        depth,
        b,
        product.transposed() ? depth : columns,
        0,
        out,
        columns);
  }
}
