package dev.granula.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Data and nothing else: a shape, strides and an offset (all in elements) over a {@link Storage}.
 * Views share the storage and copy nothing. Mathematics with gradients is in the autograd module;
 * kernels are in {@link Backend}.
 */
public final class Tensor {
  private final Storage storage;
  private final DType dtype;
  private final Shape shape;
  private final long[] strides;
  private final long offset;

  private Tensor(Storage storage, DType dtype, Shape shape, long[] strides, long offset) {
    this.storage = storage;
    this.dtype = dtype;
    this.shape = shape;
    this.strides = strides;
    this.offset = offset;
  }

  /** A tensor of the current step with undefined content. */
  public static Tensor empty(Device device, DType dtype, Shape shape) {
    return contiguous(device.memory().allocate(byteSize(dtype, shape)), dtype, shape);
  }

  /** A tensor that no step ends, with undefined content: weights and optimizer state. */
  public static Tensor emptyPersistent(Device device, DType dtype, Shape shape) {
    return contiguous(device.memory().allocatePersistent(byteSize(dtype, shape)), dtype, shape);
  }

  public static Tensor zeros(Device device, DType dtype, Shape shape) {
    return full(device, dtype, shape, 0);
  }

  public static Tensor full(Device device, DType dtype, Shape shape, double value) {
    Tensor tensor = empty(device, dtype, shape);
    device.backend().fill(tensor, value);
    Reference.reachabilityFence(tensor);
    return tensor;
  }

  /**
   * An F32 tensor of the given values in row-major order; no dimensions make a scalar of one value.
   */
  public static Tensor of(Device device, float[] values, long... dims) {
    return upload(device, DType.F32, Shape.of(dims), MemorySegment.ofArray(values), values.length);
  }

  /** An F64 tensor of the given values in row-major order. */
  public static Tensor of(Device device, double[] values, long... dims) {
    return upload(device, DType.F64, Shape.of(dims), MemorySegment.ofArray(values), values.length);
  }

  /** An I32 tensor of the given values in row-major order. */
  public static Tensor of(Device device, int[] values, long... dims) {
    return upload(device, DType.I32, Shape.of(dims), MemorySegment.ofArray(values), values.length);
  }

  /** An I64 tensor of the given values in row-major order. */
  public static Tensor of(Device device, long[] values, long... dims) {
    return upload(device, DType.I64, Shape.of(dims), MemorySegment.ofArray(values), values.length);
  }

  private static Tensor upload(
      Device device, DType dtype, Shape shape, MemorySegment values, long count) {
    if (shape.elementCount() != count) {
      throw new ShapeException(
          "tensor: %d values do not fill shape %s of %d elements"
              .formatted(count, shape, shape.elementCount()));
    }
    Tensor tensor = empty(device, dtype, shape);
    device.upload(values, tensor.contiguousMemory());
    Reference.reachabilityFence(tensor);
    return tensor;
  }

  /** A row-major tensor over the start of {@code storage}. */
  public static Tensor contiguous(Storage storage, DType dtype, Shape shape) {
    return new Tensor(storage, dtype, shape, shape.contiguousStrides(), 0);
  }

  private static long byteSize(DType dtype, Shape shape) {
    try {
      return Math.multiplyExact(shape.elementCount(), (long) dtype.byteSize());
    } catch (ArithmeticException e) {
      throw new ShapeException("tensor: more than 2^63 bytes: " + dtype + " " + shape);
    }
  }

  public Storage storage() {
    return storage;
  }

  public Device device() {
    return storage.device();
  }

  public Backend backend() {
    return storage.device().backend();
  }

  public DType dtype() {
    return dtype;
  }

  public Shape shape() {
    return shape;
  }

  public long elementCount() {
    return shape.elementCount();
  }

  public long[] strides() {
    return strides.clone();
  }

  /**
   * Distance, in elements, of neighbours along {@code dim}; a negative {@code dim} counts from the
   * end.
   */
  public long stride(int dim) {
    return strides[shape.normalize(dim)];
  }

  /** Position of the first element in the storage, in elements. */
  public long offset() {
    return offset;
  }

  /** The whole memory of the storage; fails if its step is closed. */
  public MemorySegment memory() {
    return storage.memory();
  }

  public boolean isContiguous() {
    long expected = 1;
    for (int d = shape.rank() - 1; d >= 0; d--) {
      if (shape.dim(d) != 1 && strides[d] != expected) {
        return shape.elementCount() == 0;
      }
      expected *= shape.dim(d);
    }
    return true;
  }

  /** The bytes of this contiguous tensor. */
  public MemorySegment contiguousMemory() {
    if (!isContiguous()) {
      throw new ShapeException("memory: %s is not contiguous; copy it first".formatted(this));
    }
    long size = dtype.byteSize();
    return memory().asSlice(offset * size, shape.elementCount() * size);
  }

  // ---- views ------------------------------------------------------------------------------------

  /**
   * The same elements in another shape; one dimension may be -1.
   *
   * @throws ShapeException if the element counts differ or the strides do not allow it without a
   *     copy
   */
  public Tensor reshape(long... dims) {
    Shape target = shape.reshape(dims);
    if (isContiguous()) {
      return new Tensor(storage, dtype, target, target.contiguousStrides(), offset);
    }
    long[] targetStrides = regroup(target);
    if (targetStrides == null) {
      throw new ShapeException(
          "reshape: %s with strides %s cannot be seen as %s without a copy; copy it first"
              .formatted(shape, Arrays.toString(strides), target));
    }
    return new Tensor(storage, dtype, target, targetStrides, offset);
  }

  /** True if {@link #reshape} to {@code target} needs no copy. */
  public boolean canReshape(Shape target) {
    return isContiguous() || regroup(target) != null;
  }

  /** Strides of {@code target} over this tensor's strided elements, or null if there are none. */
  private long @Nullable [] regroup(Shape target) {
    long[] result = new long[target.rank()];
    int to = target.rank() - 1;
    int from = shape.rank() - 1;
    while (from >= 0) {
      long stride = strides[from];
      long group = shape.dim(from);
      while (from > 0 && (shape.dim(from - 1) == 1 || strides[from - 1] == group * stride)) {
        group *= shape.dim(--from);
      }
      from--;
      long filled = 1;
      while (to >= 0 && (filled < group || target.dim(to) == 1)) {
        result[to] = filled * stride;
        filled *= target.dim(to--);
      }
      if (filled != group) {
        return null;
      }
    }
    return to < 0 ? result : null;
  }

  public Tensor permute(int... order) {
    if (order.length != shape.rank()) {
      throw new ShapeException(
          "permute: %d dimensions given for %s".formatted(order.length, shape));
    }
    long[] dims = new long[order.length];
    long[] permuted = new long[order.length];
    boolean[] seen = new boolean[order.length];
    for (int d = 0; d < order.length; d++) {
      int source = shape.normalize(order[d]);
      if (seen[source]) {
        throw new ShapeException(
            "permute: dimension %d twice in %s".formatted(source, Arrays.toString(order)));
      }
      seen[source] = true;
      dims[d] = shape.dim(source);
      permuted[d] = strides[source];
    }
    return new Tensor(storage, dtype, Shape.of(dims), permuted, offset);
  }

  public Tensor transpose(int a, int b) {
    int[] order = new int[shape.rank()];
    Arrays.setAll(order, d -> d);
    int first = shape.normalize(a);
    int second = shape.normalize(b);
    order[first] = second;
    order[second] = first;
    return permute(order);
  }

  /** Elements {@code from} (inclusive) to {@code to} (exclusive) along {@code dim}. */
  public Tensor slice(int dim, long from, long to) {
    int axis = shape.normalize(dim);
    if (from < 0 || to < from || to > shape.dim(axis)) {
      throw new ShapeException(
          "slice: [%d, %d) is outside dimension %d of %s".formatted(from, to, axis, shape));
    }
    return new Tensor(
        storage,
        dtype,
        shape.with(axis, to - from),
        strides.clone(),
        offset + from * strides[axis]);
  }

  /** Repeats dimensions of size 1 (and new leading ones) without a copy, by a stride of 0. */
  public Tensor expand(Shape target) {
    if (target.equals(shape)) {
      return this;
    }
    int lead = target.rank() - shape.rank();
    long[] expanded = new long[target.rank()];
    for (int d = 0; d < target.rank(); d++) {
      long own = d < lead ? 1 : shape.dim(d - lead);
      if (lead < 0 || (own != target.dim(d) && own != 1)) {
        throw new ShapeException("expand: %s does not expand to %s".formatted(shape, target));
      }
      expanded[d] = own == 1 && target.dim(d) != 1 || d < lead ? 0 : strides[d - lead];
    }
    if (lead < 0) {
      throw new ShapeException("expand: %s does not expand to %s".formatted(shape, target));
    }
    return new Tensor(storage, dtype, target, expanded, offset);
  }

  public Tensor unsqueeze(int dim) {
    int axis = dim < 0 ? dim + shape.rank() + 1 : dim;
    if (axis < 0 || axis > shape.rank()) {
      throw new ShapeException("unsqueeze: no place %d in %s".formatted(dim, shape));
    }
    long[] dims = new long[shape.rank() + 1];
    long[] wider = new long[dims.length];
    for (int d = 0; d < dims.length; d++) {
      dims[d] = d == axis ? 1 : shape.dim(d < axis ? d : d - 1);
      wider[d] = d == axis ? 0 : strides[d < axis ? d : d - 1];
    }
    return new Tensor(storage, dtype, Shape.of(dims), wider, offset);
  }

  // ---- copies and read-back ---------------------------------------------------------------------

  /** A row-major copy in the current step. */
  public Tensor copy() {
    return to(dtype);
  }

  /** This tensor if it is contiguous, else a row-major copy in the current step. */
  public Tensor contiguous() {
    return isContiguous() ? this : copy();
  }

  /** A row-major copy with element type {@code target}. */
  public Tensor to(DType target) {
    return copyTo(empty(device(), target, shape));
  }

  /** A row-major copy that no step ends. */
  public Tensor persistent() {
    return copyTo(emptyPersistent(device(), dtype, shape));
  }

  /**
   * Both stay reachable to the end: the collector takes blocks of the default scope back, and the
   * last use that compiled code sees is not the last use of the memory. The same holds below.
   */
  private Tensor copyTo(Tensor result) {
    backend().copy(this, result);
    Reference.reachabilityFence(this);
    Reference.reachabilityFence(result);
    return result;
  }

  /** A row-major copy on {@code target}. */
  public Tensor to(Device target) {
    if (target == device()) {
      return copy();
    }
    Tensor result = empty(target, dtype, shape);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(Math.max(1, byteSize(dtype, shape)), Pool.ALIGNMENT);
      MemorySegment bytes = host.asSlice(0, byteSize(dtype, shape));
      read(dtype, bytes);
      target.upload(bytes, result.contiguousMemory());
    }
    Reference.reachabilityFence(result);
    return result;
  }

  private void read(DType type, MemorySegment target) {
    Tensor source = dtype == type ? contiguous() : to(type);
    device().download(source.contiguousMemory(), target);
    Reference.reachabilityFence(source);
  }

  /** The elements in row-major order, rounded to F32. */
  public float[] toFloatArray() {
    float[] values = new float[arrayLength()];
    read(DType.F32, MemorySegment.ofArray(values));
    return values;
  }

  /** The elements in row-major order. */
  public double[] toDoubleArray() {
    double[] values = new double[arrayLength()];
    read(DType.F64, MemorySegment.ofArray(values));
    return values;
  }

  /** The elements of an I32 or I64 tensor in row-major order. */
  public long[] toLongArray() {
    if (dtype.isFloating()) {
      throw new DTypeException("toLongArray: needs I32 or I64, this is " + dtype);
    }
    long[] values = new long[arrayLength()];
    read(DType.I64, MemorySegment.ofArray(values));
    return values;
  }

  private int arrayLength() {
    if (elementCount() > Integer.MAX_VALUE - 8) {
      throw new ShapeException(
          "read: %s has more elements than a Java array; slice it".formatted(shape));
    }
    return (int) elementCount();
  }

  /** The value of a tensor with one element; waits for the device. */
  public double item() {
    if (elementCount() != 1) {
      throw new ShapeException("item: needs exactly one element, this is " + shape);
    }
    return toDoubleArray()[0];
  }

  /** Element at storage position {@code index} (in elements) of host memory, widened to F64. */
  public double load(long index) {
    MemorySegment memory = memory();
    return switch (dtype) {
      case F32 -> memory.getAtIndex(ValueLayout.JAVA_FLOAT, index);
      case F64 -> memory.getAtIndex(ValueLayout.JAVA_DOUBLE, index);
      case BF16 -> DType.bf16ToFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT, index));
      case F16 -> Float.float16ToFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT, index));
      case I32 -> memory.getAtIndex(ValueLayout.JAVA_INT, index);
      case I64 -> memory.getAtIndex(ValueLayout.JAVA_LONG, index);
    };
  }

  /** Rounds {@code value} to the element type and stores it at storage position {@code index}. */
  public void store(long index, double value) {
    MemorySegment memory = memory();
    switch (dtype) {
      case F32 -> memory.setAtIndex(ValueLayout.JAVA_FLOAT, index, (float) value);
      case F64 -> memory.setAtIndex(ValueLayout.JAVA_DOUBLE, index, value);
      case BF16 ->
          memory.setAtIndex(ValueLayout.JAVA_SHORT, index, DType.floatToBf16((float) value));
      case F16 ->
          memory.setAtIndex(ValueLayout.JAVA_SHORT, index, Float.floatToFloat16((float) value));
      case I32 -> memory.setAtIndex(ValueLayout.JAVA_INT, index, (int) value);
      case I64 -> memory.setAtIndex(ValueLayout.JAVA_LONG, index, (long) value);
    }
  }

  /** Integer element at storage position {@code index}, exact also beyond 2^53. */
  public long loadLong(long index) {
    return dtype == DType.I64
        ? memory().getAtIndex(ValueLayout.JAVA_LONG, index)
        : memory().getAtIndex(ValueLayout.JAVA_INT, index);
  }

  /** Stores an integer element at storage position {@code index}. */
  public void storeLong(long index, long value) {
    if (dtype == DType.I64) {
      memory().setAtIndex(ValueLayout.JAVA_LONG, index, value);
    } else {
      memory().setAtIndex(ValueLayout.JAVA_INT, index, (int) value);
    }
  }

  /** Storage position of the element with row-major number {@code index}. */
  public long position(long index) {
    long position = offset;
    for (int d = shape.rank() - 1; d >= 0; d--) {
      long dim = shape.dim(d);
      position += (index % dim) * strides[d];
      index /= dim;
    }
    return position;
  }

  @Override
  public String toString() {
    return "%s%s on %s".formatted(dtype, shape, device().name());
  }
}
