package dev.granula.bench.kernels;

import dev.granula.bench.work.AttentionPass;
import dev.granula.bench.work.LayerPass;
import dev.granula.bench.work.OpenBlasProduct;
import dev.granula.bench.work.OurProduct;
import dev.granula.bench.work.Products.Product;
import dev.granula.bench.work.WeightProducts;
import dev.granula.models.CausalLm;
import dev.granula.models.ModelConfig;
import dev.granula.models.Models;
import dev.granula.tensor.DType;
import dev.granula.tensor.Memory;
import dev.granula.tensor.cpu.CpuDevice;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The kernels of the comparison under JMH, each case in a fork of its own: a second driver, which
 * sees what the first one's mix of calls hides or makes up. {@link InTurn} runs pairs alternately.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(
    value = 1,
    // The launcher's options, so that both drivers measure the same.
    jvmArgsAppend = {
      "-XX:MaxDirectMemorySize=1t",
      "-XX:+UseSerialGC",
      "-Xms48m",
      "-Xmn24m",
      "-XX:ObjectAlignmentInBytes=64",
      "-XX:+UseTransparentHugePages",
      "--add-modules=jdk.incubator.vector"
    })
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class Kernels {
  private static final int THREADS = 2;

  private static CpuDevice device() {
    return CpuDevice.create(THREADS, Memory.Debug.OFF);
  }

  /** A product by its label in {@link dev.granula.bench.work.Products}. */
  @State(Scope.Benchmark)
  public static class ProductCase {
    @Param({
      "AB 1024x512x512",
      "AB 1024x1376x512",
      "AB 1024x512x1376",
      "AB 1024x8192x512",
      "AB 256x896x896",
      "AB 256x4864x896",
      "AB 256x896x4864",
      "AB 256x128x896",
      "AB 2048x2048x2048",
      "ABt 1024x512x512",
      "ABt 1024x1376x512",
      "ABt 1024x512x1376",
      "ABt 1024x8192x512",
      "ABt 256x896x896",
      "ABt 256x4864x896",
      "ABt 256x896x4864",
      "ABt 256x128x896",
      "ABt 2048x2048x2048"
    })
    public String product = "";
  }

  /** Our product. */
  @State(Scope.Benchmark)
  public static class Ours {
    @Param({"F32", "BF16"})
    public DType base = DType.F32;

    private Runnable work = () -> {};

    @Setup(Level.Trial)
    public void setUp(ProductCase shape) {
      work = new OurProduct(device(), Product.parse(shape.product), base);
    }
  }

  /** OpenBLAS's product. */
  @State(Scope.Benchmark)
  public static class Blas {
    private Runnable work = () -> {};

    @Setup(Level.Trial)
    public void setUp(ProductCase shape) {
      OpenBlasProduct.setThreads(THREADS);
      work = new OpenBlasProduct(Product.parse(shape.product));
    }
  }

  /** Attention. */
  @State(Scope.Benchmark)
  public static class AttentionCase {
    @Param({"256", "1024"})
    public int length;

    private Runnable work = () -> {};

    @Setup(Level.Trial)
    public void setUp() {
      work = new AttentionPass(device(), length);
    }
  }

  /** An adapted layer; {@code k} 0 is LoRA. */
  @State(Scope.Benchmark)
  public static class LayerCase {
    @Param({"32", "64"})
    public int rank;

    @Param({"0", "2", "4"})
    public int k;

    private Runnable work = () -> {};

    @Setup(Level.Trial)
    public void setUp() {
      work = new LayerPass(device(), rank, k);
    }
  }

  /** One row through all weights of a model of eight layers, 896 wide. */
  @State(Scope.Benchmark)
  public static class DecodeCase {
    private Runnable work = () -> {};

    @Setup(Level.Trial)
    public void setUp() {
      ModelConfig config =
          ModelConfig.builder("qwen2")
              .vocabularySize(32768)
              .hiddenSize(896)
              .intermediateSize(4864)
              .layers(8)
              .heads(14)
              .keyValueHeads(2)
              .contextLength(1024)
              .tiedEmbeddings(true)
              .build();
      CausalLm model = Models.create(config, 1, device(), DType.BF16);
      work = new WeightProducts(model);
    }
  }

  @Benchmark
  public void product(Ours ours) {
    ours.work.run();
  }

  @Benchmark
  public void openBlas(Blas blas) {
    blas.work.run();
  }

  @Benchmark
  public void attention(AttentionCase attention) {
    attention.work.run();
  }

  @Benchmark
  public void layer(LayerCase layer) {
    layer.work.run();
  }

  @Benchmark
  public void decode(DecodeCase decode) {
    decode.work.run();
  }
}
