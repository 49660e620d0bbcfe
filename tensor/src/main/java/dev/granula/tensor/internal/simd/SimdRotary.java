package dev.granula.tensor.internal.simd;

import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** Rotary position embedding of x [B, T, H, D] in F32 with unit stride in D. */
final class SimdRotary {
  private final Context context;

  SimdRotary(Context context) {
    this.context = context;
  }

  /** False, and nothing done, if the layout is another one. */
  boolean rotary(
      Tensor x,
      Tensor positions,
      Tensor cos,
      Tensor sin,
      boolean inverse,
      Tensor out,
      Write write) {
    if (!Rows.supports(x, cos, sin, out) || !Indices.supports(positions)) {
      return false;
    }
    Rows xRows = Rows.of(x);
    Rows outRows = Rows.of(out);
    Rows cosRows = Rows.of(cos);
    Rows sinRows = Rows.of(sin);
    int[] angles = Indices.read("rotary", positions, cosRows.count);
    long heads = x.shape().dim(2);
    context.forRows(
        angles.length,
        heads * xRows.width,
        (from, to, _) -> {
          for (int token = (int) from; token < to; token++) {
            long cosAt = cosRows.bytes(angles[token]);
            long sinAt = sinRows.bytes(angles[token]);
            for (long row = token * heads; row < (token + 1) * heads; row++) {
              rotate(
                  xRows.memory,
                  xRows.bytes(row),
                  cosRows.memory,
                  cosAt,
                  sinRows.memory,
                  sinAt,
                  inverse ? -1 : 1,
                  outRows.memory,
                  outRows.bytes(row),
                  xRows.width / 2,
                  write == Write.ADD);
            }
          }
        });
    return true;
  }

  /** Both halves are read before either is written, so that out may be x. */
  private static void rotate(
      MemorySegment x,
      long from,
      MemorySegment cos,
      long cosAt,
      MemorySegment sin,
      long sinAt,
      float sign,
      MemorySegment out,
      long to,
      int half,
      boolean add) {
    int whole = Simd.F32.loopBound(half);
    for (int i = 0; i < whole; i += Simd.LANES) {
      FloatVector c = Primitives.load(cos, cosAt, i);
      FloatVector s = Primitives.load(sin, sinAt, i).mul(sign);
      FloatVector a = Primitives.load(x, from, i);
      FloatVector b = Primitives.load(x, from, half + i);
      FloatVector first = a.mul(c).sub(b.mul(s));
      FloatVector second = b.mul(c).add(a.mul(s));
      if (add) {
        first = first.add(Primitives.load(out, to, i));
        second = second.add(Primitives.load(out, to, half + i));
      }
      Primitives.set(first, out, to, i);
      Primitives.set(second, out, to, half + i);
    }
    if (whole < half) {
      rotateRest(x, from, cos, cosAt, sin, sinAt, sign, out, to, half, whole, add);
    }
  }

  /** Apart, because C2 takes more than a second over the masks, which few widths of heads need. */
  private static void rotateRest(
      MemorySegment x,
      long from,
      MemorySegment cos,
      long cosAt,
      MemorySegment sin,
      long sinAt,
      float sign,
      MemorySegment out,
      long to,
      int half,
      int whole,
      boolean add) {
    for (int i = whole; i < half; i += Simd.LANES) {
      VectorMask<Float> mask = Simd.F32.indexInRange(i, half);
      FloatVector c = Primitives.load(cos, cosAt, i, mask);
      FloatVector s = Primitives.load(sin, sinAt, i, mask).mul(sign);
      FloatVector a = Primitives.load(x, from, i, mask);
      FloatVector b = Primitives.load(x, from, half + i, mask);
      FloatVector first = a.mul(c).sub(b.mul(s));
      FloatVector second = b.mul(c).add(a.mul(s));
      if (add) {
        first = first.add(Primitives.load(out, to, i, mask));
        second = second.add(Primitives.load(out, to, half + i, mask));
      }
      Primitives.set(first, out, to, i, mask);
      Primitives.set(second, out, to, half + i, mask);
    }
  }
}
