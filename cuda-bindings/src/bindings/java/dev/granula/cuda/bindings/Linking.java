package dev.granula.cuda.bindings;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * How the bindings reach C: each function is linked at its first call, in the libraries that a
 * class of this module has loaded by then.
 */
final class Linking {
  static final ValueLayout.OfInt C_INT = ValueLayout.JAVA_INT;
  static final ValueLayout.OfLong C_LONG = ValueLayout.JAVA_LONG;
  static final ValueLayout.OfLong C_LONG_LONG = ValueLayout.JAVA_LONG;

  /** Without a bound, so that a returned C string can be read. */
  @SuppressWarnings("restricted")
  static final AddressLayout C_POINTER =
      ValueLayout.ADDRESS.withTargetLayout(
          MemoryLayout.sequenceLayout(Long.MAX_VALUE, ValueLayout.JAVA_BYTE));

  private Linking() {}

  /** Fails with {@link java.util.NoSuchElementException} if no loaded library has the function. */
  @SuppressWarnings("restricted")
  static MethodHandle downcall(String name, FunctionDescriptor descriptor) {
    Linker linker = Linker.nativeLinker();
    SymbolLookup lookup = SymbolLookup.loaderLookup().or(linker.defaultLookup());
    return linker.downcallHandle(lookup.findOrThrow(name), descriptor);
  }

  /** A downcall declares Throwable and throws none but unchecked ones. */
  static RuntimeException rethrow(Throwable e) {
    if (e instanceof Error error) {
      throw error;
    }
    return e instanceof RuntimeException unchecked ? unchecked : new IllegalStateException(e);
  }
}
