package dev.granula.tensor.internal.simd;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Rows of {@link Chunks#ELEMENTS} F32 elements for each worker, made when first asked for. */
final class Scratch {
  private final @Nullable MemorySegment[][] rows;

  Scratch(int workers) {
    this.rows = new @Nullable MemorySegment[workers][0];
  }

  /** Row {@code slot} of {@code worker}; only that worker's thread may call this. */
  MemorySegment row(int worker, int slot) {
    @Nullable MemorySegment[] own = rows[worker];
    if (slot >= own.length) {
      own = Arrays.copyOf(own, slot + 1);
      rows[worker] = own;
    }
    MemorySegment row = own[slot];
    if (row == null) {
      row = Arena.ofAuto().allocate(4L * Chunks.ELEMENTS, 64);
      own[slot] = row;
    }
    return row;
  }
}
