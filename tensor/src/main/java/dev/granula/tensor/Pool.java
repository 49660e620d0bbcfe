package dev.granula.tensor;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Free blocks by size class over slabs that are kept: first touch of memory is ten times dearer
 * than the second. Four classes per doubling bound the waste at a quarter. Synchronized, because
 * blocks of the default scope come back from whichever thread allocates next.
 */
final class Pool {
  static final int ALIGNMENT = 64;
  private static final int CLASSES_PER_DOUBLING = 4;
  private static final long SMALL_LIMIT = 1 << 20;
  private static final long SMALL_SLAB = 8 << 20;
  private static final int NEIGHBOUR_CLASSES = 2;

  /** A range of a slab; {@code generation} tells a recycled block from its earlier use. */
  static final class Block {
    final MemorySegment segment;
    final int sizeClass;
    int generation;

    Block(MemorySegment segment, int sizeClass) {
      this.segment = segment;
      this.sizeClass = sizeClass;
    }
  }

  private final Memory.RawMemory slabs;
  private final List<MemorySegment> held = new ArrayList<>();
  private final List<ArrayDeque<Block>> free = new ArrayList<>();
  private MemorySegment carving = MemorySegment.NULL;
  private long carved;
  private long slabBytes;
  private long usedBytes;
  private long peakBytes;

  Pool(Memory.RawMemory slabs) {
    this.slabs = slabs;
  }

  synchronized Block take(long byteSize) {
    int sizeClass = sizeClass(byteSize);
    Block block = reuse(sizeClass);
    if (block == null) {
      block = new Block(carve(classBytes(sizeClass)), sizeClass);
    }
    usedBytes += block.segment.byteSize();
    peakBytes = Math.max(peakBytes, usedBytes);
    return block;
  }

  synchronized void give(Block block) {
    block.generation++;
    usedBytes -= block.segment.byteSize();
    queue(block.sizeClass).addLast(block);
  }

  private @Nullable Block reuse(int sizeClass) {
    int last = Math.min(sizeClass + NEIGHBOUR_CLASSES, free.size() - 1);
    for (int c = sizeClass; c <= last; c++) {
      Block block = free.get(c).pollLast();
      if (block != null) {
        return block;
      }
    }
    return null;
  }

  private MemorySegment carve(long byteSize) {
    if (byteSize > SMALL_LIMIT) {
      return slab(byteSize);
    }
    if (carving.byteSize() - carved < byteSize) {
      carving = slab(SMALL_SLAB);
      carved = 0;
    }
    MemorySegment range = carving.asSlice(carved, byteSize);
    carved += byteSize;
    return range;
  }

  private MemorySegment slab(long byteSize) {
    MemorySegment slab;
    try {
      slab = slabs.allocate(byteSize);
    } catch (MemoryExhaustedException e) {
      releaseLarge();
      slab = slabs.allocate(byteSize);
    }
    held.add(slab);
    slabBytes += byteSize;
    return slab;
  }

  /** Gives back the free blocks that are slabs of their own; true if there was one. */
  private boolean releaseLarge() {
    List<MemorySegment> large = new ArrayList<>();
    for (int c = sizeClass(SMALL_LIMIT) + 1; c < free.size(); c++) {
      free.get(c).forEach(block -> large.add(block.segment));
      free.get(c).clear();
    }
    held.removeAll(large);
    large.forEach(slab -> slabBytes -= slab.byteSize());
    slabs.release(large);
    return !large.isEmpty();
  }

  /**
   * Empties the pool if nothing is in use; otherwise the slabs that blocks share stay. True if
   * something was given back, or nothing is in use.
   */
  synchronized boolean trim() {
    if (usedBytes != 0) {
      return releaseLarge();
    }
    free.clear();
    carving = MemorySegment.NULL;
    carved = 0;
    slabBytes = 0;
    slabs.release(List.copyOf(held));
    held.clear();
    return true;
  }

  synchronized Memory.Stats stats() {
    return new Memory.Stats(usedBytes, peakBytes, slabBytes);
  }

  synchronized void resetPeak() {
    peakBytes = usedBytes;
  }

  private ArrayDeque<Block> queue(int sizeClass) {
    while (free.size() <= sizeClass) {
      free.add(new ArrayDeque<>());
    }
    return free.get(sizeClass);
  }

  static int sizeClass(long byteSize) {
    long units = Math.max(CLASSES_PER_DOUBLING, (byteSize + ALIGNMENT - 1) / ALIGNMENT);
    int doubling = 63 - Long.numberOfLeadingZeros(units);
    long step = 1L << (doubling - 2);
    long quarter = (units - (1L << doubling) + step - 1) / step;
    return (doubling - 2) * CLASSES_PER_DOUBLING + (int) quarter;
  }

  static long classBytes(int sizeClass) {
    int doubling = sizeClass / CLASSES_PER_DOUBLING + 2;
    long quarter = sizeClass % CLASSES_PER_DOUBLING;
    return ((1L << doubling) + quarter * (1L << (doubling - 2))) * ALIGNMENT;
  }
}
