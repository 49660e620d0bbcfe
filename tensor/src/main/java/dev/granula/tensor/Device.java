package dev.granula.tensor;

import java.lang.foreign.MemorySegment;

/**
 * A place where tensors live: its memory and the kernels that work on it. An operation takes its
 * device from its inputs; there is no current device.
 */
public interface Device extends AutoCloseable {
  /** For messages and logs, for example {@code cpu}, {@code cpu:reference}, {@code cuda:0}. */
  String name();

  Backend backend();

  Memory memory();

  /** True if storages of this device are ordinary memory that the JVM can read and write. */
  boolean isHost();

  /**
   * Copies {@code source}, host memory, into {@code target}, a range of a storage of this device.
   */
  void upload(MemorySegment source, MemorySegment target);

  /** Copies {@code source}, a range of a storage of this device, to host memory; waits for it. */
  void download(MemorySegment source, MemorySegment target);

  @Override
  void close();
}
