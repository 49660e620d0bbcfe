package dev.granula.models;

import dev.granula.tensor.DType;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where a model came from.
 *
 * @param directory the folder that it was loaded from, or null
 * @param storedTypes the element type of each tensor in its checkpoint; F32 where there was none
 */
record Origin(@Nullable Path directory, Map<String, DType> storedTypes) {
  static final Origin NONE = new Origin(null, Map.of());

  DType storedType(String tensor) {
    return storedTypes.getOrDefault(tensor, DType.F32);
  }
}
