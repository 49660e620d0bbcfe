package dev.granula.tensor.cpu;

import dev.granula.tensor.Backend;
import dev.granula.tensor.Device;
import dev.granula.tensor.DeviceException;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Workers;
import dev.granula.tensor.reference.ReferenceBackend;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The processor: native memory, a back end and the threads that it needs. Devices share nothing, so
 * one JVM may hold several, for example a fast one and a {@link #reference} one to compare with.
 */
public final class CpuDevice implements Device {
  private static final System.Logger LOGGER = System.getLogger(CpuDevice.class.getName());

  private final String name;
  private final @Nullable Workers workers;
  private final Backend backend;
  private final Memory memory;

  private CpuDevice(String name, Backend backend, @Nullable Workers workers, Memory.Debug debug) {
    this.name = name;
    this.backend = backend;
    this.workers = workers;
    this.memory = new Memory(this, new HostMemory(name), debug);
  }

  /** The fastest back end that this JVM can run, on all processors. */
  public static CpuDevice create() {
    return create(Runtime.getRuntime().availableProcessors(), Memory.Debug.OFF);
  }

  /**
   * The fastest back end that this JVM can run, on {@code threads} threads. Which one that is, and
   * why, is one line of the log.
   */
  public static CpuDevice create(int threads, Memory.Debug debug) {
    String obstacle = CpuBackends.obstacle();
    if (obstacle != null) {
      LOGGER.log(
          System.Logger.Level.WARNING,
          "back end reference, which is slow and has one thread: {0}",
          obstacle);
      return of(CpuBackends.REFERENCE, 1, debug);
    }
    CpuDevice device = of(CpuBackends.SIMD, threads, debug);
    LOGGER.log(
        System.Logger.Level.INFO,
        "back end {0} on {1} threads: the Vector API is loaded",
        device.backend.name(),
        threads);
    return device;
  }

  /** Plain Java on one thread: the definition of every kernel, in F32 and F64. */
  public static CpuDevice reference() {
    return of(CpuBackends.REFERENCE, 1, Memory.Debug.OFF);
  }

  /** The Vector API on all processors. */
  public static CpuDevice simd() {
    return of(CpuBackends.SIMD);
  }

  /** The back end {@code backend}, {@code simd} or {@code reference}, on all processors. */
  public static CpuDevice of(String backend) {
    return of(backend, Runtime.getRuntime().availableProcessors(), Memory.Debug.OFF);
  }

  /**
   * A device with exactly the back end that is asked for.
   *
   * @param backend {@code simd} or {@code reference}
   * @param threads number of threads that take part in a kernel, the caller included
   * @throws DeviceException if the name is unknown or this JVM cannot run the back end; another one
   *     is never taken instead
   */
  public static CpuDevice of(String backend, int threads, Memory.Debug debug) {
    if (threads < 1) {
      throw new DeviceException("cpu: the number of threads must be at least 1: " + threads);
    }
    return switch (backend) {
      case CpuBackends.REFERENCE ->
          new CpuDevice("cpu:reference", new ReferenceBackend(), null, debug);
      case CpuBackends.SIMD -> simd(threads, debug);
      default ->
          throw new DeviceException(
              "cpu: unknown back end '%s'; take %s or %s"
                  .formatted(backend, CpuBackends.SIMD, CpuBackends.REFERENCE));
    };
  }

  private static CpuDevice simd(int threads, Memory.Debug debug) {
    Workers workers = new Workers(threads);
    try {
      return new CpuDevice("cpu", CpuBackends.simd(workers), workers, debug);
    } catch (DeviceException e) {
      workers.close();
      throw e;
    }
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
    return true;
  }

  @Override
  public void upload(MemorySegment source, MemorySegment target) {
    target.copyFrom(source);
  }

  @Override
  public void download(MemorySegment source, MemorySegment target) {
    target.copyFrom(source);
  }

  /** Ends the threads. Memory is freed when its tensors are unreachable; they stay readable. */
  @Override
  public void close() {
    if (workers != null) {
      workers.close();
    }
  }

  @Override
  public String toString() {
    return "%s (%s)".formatted(name, backend.name());
  }
}
