package dev.granula.tensor.internal.simd;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * What a generated loop calls, by name: one method per primitive of an expression (its lower-case
 * name), loads and stores. Each is small enough for C2 to inline always.
 */
final class Primitives {
  private Primitives() {}

  // ---- memory: offsets in bytes, i in elements
  // ----------------------------------------------------

  static FloatVector load(MemorySegment memory, long offset, int i) {
    return FloatVector.fromMemorySegment(Simd.F32, memory, offset + 4L * i, Simd.ORDER);
  }

  static FloatVector load(MemorySegment memory, long offset, int i, VectorMask<Float> mask) {
    return FloatVector.fromMemorySegment(Simd.F32, memory, offset + 4L * i, Simd.ORDER, mask);
  }

  static void set(FloatVector value, MemorySegment memory, long offset, int i) {
    value.intoMemorySegment(memory, offset + 4L * i, Simd.ORDER);
  }

  static void set(
      FloatVector value, MemorySegment memory, long offset, int i, VectorMask<Float> mask) {
    value.intoMemorySegment(memory, offset + 4L * i, Simd.ORDER, mask);
  }

  static void add(FloatVector value, MemorySegment memory, long offset, int i) {
    set(load(memory, offset, i).add(value), memory, offset, i);
  }

  static void add(
      FloatVector value, MemorySegment memory, long offset, int i, VectorMask<Float> mask) {
    set(load(memory, offset, i, mask).add(value), memory, offset, i, mask);
  }

  static void sum(
      FloatVector value, MemorySegment partials, long offset, int i, VectorMask<Float> mask) {
    add(value, partials, offset, i % Store.PARTIALS, mask);
  }

  static void max(
      FloatVector value, MemorySegment partials, long offset, int i, VectorMask<Float> mask) {
    int at = i % Store.PARTIALS;
    set(load(partials, offset, at, mask).max(value), partials, offset, at, mask);
  }

  /** Lanes {@code i} to {@code n - 1} of a vector that starts at element {@code i}. */
  static VectorMask<Float> mask(int i, int n) {
    return Simd.F32.indexInRange(i, n);
  }

  static FloatVector splat(float value) {
    return FloatVector.broadcast(Simd.F32, value);
  }

  static FloatVector splat(MemorySegment memory, long offset) {
    return splat(memory.get(ValueLayout.JAVA_FLOAT, offset));
  }

  // ---- functions and operators
  // --------------------------------------------------------------------

  static FloatVector neg(FloatVector x) {
    return x.neg();
  }

  static FloatVector reciprocal(FloatVector x) {
    return splat(1f).div(x);
  }

  static FloatVector exp(FloatVector x) {
    return VectorMath.exp(x);
  }

  static FloatVector log(FloatVector x) {
    return VectorMath.log(x);
  }

  static FloatVector sqrt(FloatVector x) {
    return x.sqrt();
  }

  static FloatVector tanh(FloatVector x) {
    return VectorMath.tanh(x);
  }

  static FloatVector erf(FloatVector x) {
    return VectorMath.erf(x);
  }

  static FloatVector add(FloatVector x, FloatVector y) {
    return x.add(y);
  }

  static FloatVector sub(FloatVector x, FloatVector y) {
    return x.sub(y);
  }

  static FloatVector mul(FloatVector x, FloatVector y) {
    return x.mul(y);
  }

  static FloatVector div(FloatVector x, FloatVector y) {
    return x.div(y);
  }

  static FloatVector max(FloatVector x, FloatVector y) {
    return x.max(y);
  }

  static FloatVector selectLess(
      FloatVector a, FloatVector b, FloatVector ifTrue, FloatVector ifFalse) {
    return ifFalse.blend(ifTrue, a.compare(VectorOperators.LT, b));
  }
}
