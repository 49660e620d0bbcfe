package dev.granula.tensor.safetensors;

import dev.granula.tensor.Shape;

/**
 * A tensor as a file's header describes it.
 *
 * @param type the element type, which may be one that tensors here do not have
 * @param begin position of the first byte in the file
 * @param end position behind the last byte
 */
public record SafetensorsEntry(String name, StoredType type, Shape shape, long begin, long end) {
  public long byteSize() {
    return end - begin;
  }
}
