package dev.granula.autograd;

import dev.granula.tensor.Backend;
import dev.granula.tensor.Device;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.reference.ReferenceBackend;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The reference back end with a note of every kernel call, and one call that can be made to fail.
 */
final class SpyDevice implements Device, Memory.RawMemory {
  /** One kernel call; {@code arguments} may hold null. */
  record Call(String kernel, List<@Nullable Object> arguments) {}

  /** What {@link #failAt} makes a kernel throw. */
  static final class PlannedFailure extends RuntimeException {
    private static final long serialVersionUID = 1;
  }

  private final Backend kernels = new ReferenceBackend();
  private final Backend backend =
      (Backend)
          Proxy.newProxyInstance(
              Backend.class.getClassLoader(),
              new Class<?>[] {Backend.class},
              (_, method, arguments) -> invoke(method, arguments));
  private final Memory memory = new Memory(this, this, Memory.Debug.POISON);
  private final List<Call> calls = new ArrayList<>();
  private @Nullable String failingKernel;
  private int persistentAllocations;

  private Object invoke(Method method, Object @Nullable [] arguments) throws Throwable {
    List<@Nullable Object> given = arguments == null ? List.of() : Arrays.asList(arguments);
    calls.add(new Call(method.getName(), given));
    if (method.getName().equals(failingKernel)) {
      throw new PlannedFailure();
    }
    try {
      return method.invoke(kernels, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  /** Calls since the last {@link #forget}, other than {@link Backend#name}. */
  List<Call> calls() {
    return calls.stream().filter(call -> !call.kernel.equals("name")).toList();
  }

  List<String> kernels() {
    return calls().stream().map(Call::kernel).toList();
  }

  void forget() {
    calls.clear();
  }

  /** From now on {@code kernel} throws; null ends that. */
  void failAt(@Nullable String kernel) {
    failingKernel = kernel;
  }

  int persistentAllocations() {
    return persistentAllocations;
  }

  /** A copy of {@code elsewhere} that no step ends; nothing of the pool stays in use. */
  Tensor persistent(Tensor elsewhere) {
    try (Scope _ = memory.step()) {
      return elsewhere.to(this).persistent();
    }
  }

  @Override
  public String name() {
    return "spy";
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

  @Override
  public MemorySegment allocate(long byteSize) {
    return Arena.ofAuto().allocate(byteSize, 64);
  }

  @Override
  public MemorySegment allocatePersistent(long byteSize) {
    persistentAllocations++;
    return Arena.ofAuto().allocate(byteSize, 64);
  }

  @Override
  public void release(List<MemorySegment> slabs) {}

  @Override
  public void close() {}
}
