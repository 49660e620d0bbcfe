package dev.granula.cuda;

import dev.granula.tensor.Backend;
import dev.granula.tensor.Device;
import dev.granula.tensor.DeviceException;
import dev.granula.tensor.Memory;
import java.lang.foreign.MemorySegment;

/**
 * An NVIDIA GPU. Kernels and copies run in order on one stream while the host goes on; only {@link
 * #download} waits. One thread at a time drives a device.
 */
public final class CudaDevice implements Device {
  private final String name;
  private final Installation installation;
  private final CudaContext context;
  private final Transfers transfers;
  private final Faults faults;
  private final CudaMemory raw;
  private final Memory memory;
  private final Kernels kernels;
  private final Products products;
  private final CudaBackend backend;
  private boolean closed;

  private CudaDevice(int ordinal, Precision precision) {
    installation = Installation.require();
    Gpu gpu = Gpu.of(ordinal);
    installation.checkSupports(gpu);
    name = gpu.id();
    context = new CudaContext(gpu);
    transfers = new Transfers(context);
    faults = new Faults();
    raw = new CudaMemory(context, name, this::emptyPool);
    memory = new Memory(this, raw, Memory.Debug.OFF);
    kernels = new Kernels(this, context, installation, CubinCache.standard());
    products = new Products(context, precision);
    backend = new CudaBackend(this, kernels, products, faults, gpu);
  }

  /**
   * Opens device {@code ordinal}, counted from 0 among those that the driver shows, with the
   * precision that {@code -Dgranula.cuda.precision} names.
   *
   * @throws DeviceException if the driver, a library or the device is missing; the message says
   *     what was tried. No other device is taken instead
   */
  public static CudaDevice open(int ordinal) {
    return open(ordinal, Precision.standard());
  }

  /** Like {@link #open(int)}, whatever {@code -Dgranula.cuda.precision} says. */
  public static CudaDevice open(int ordinal, Precision precision) {
    return new CudaDevice(ordinal, precision);
  }

  private boolean emptyPool() {
    return memory.trim();
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Backend backend() {
    return backend;
  }

  @Override
  public Memory memory() {
    return memory;
  }

  @Override
  public boolean isHost() {
    return false;
  }

  /** Returns when {@code source} was read. */
  @Override
  public void upload(MemorySegment source, MemorySegment target) {
    transfers.upload(source, target);
  }

  /**
   * @throws dev.granula.tensor.GranulaException also for an index out of range in a kernel before
   */
  @Override
  public void download(MemorySegment source, MemorySegment target) {
    transfers.download(source, target);
    faults.report();
  }

  /** Device, driver and libraries, for logs. */
  public String describe() {
    return "%s: %s; %s".formatted(name, context.gpu(), installation);
  }

  /** Frees all memory of the device; its tensors cannot be read any more. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      context.synchronize();
      products.close();
      kernels.close();
      faults.close();
      transfers.close();
      raw.close();
      context.close();
    }
  }

  @Override
  public String toString() {
    return "%s (%s)".formatted(name, context.gpu().name());
  }
}
