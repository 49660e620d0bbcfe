package dev.granula.cuda;

import dev.granula.cuda.bindings.cublas_h;
import dev.granula.cuda.bindings.cuda_h;
import dev.granula.cuda.bindings.nvrtc_h;
import java.lang.foreign.SymbolLookup;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.List;

/** The libraries that the bindings call, in the order in which they are loaded. */
enum Library {
  DRIVER("driver", cuda_h.class, "", "libcuda.so.1"),
  CUBLAS(
      "cublas",
      cublas_h.class,
      "libcublasLt.so",
      "libcublas.so.13",
      "libcublas.so.12",
      "libcublas.so.11",
      "libcublas.so"),
  /** It opens its builtins by bare name at the first compilation, so they are loaded before it. */
  NVRTC(
      "nvrtc",
      nvrtc_h.class,
      "libnvrtc-builtins.so",
      "libnvrtc.so.13",
      "libnvrtc.so.12",
      "libnvrtc.so.11.2",
      "libnvrtc.so");

  /** The last part of its property {@code granula.cuda.driver}, {@code .cublas}, {@code .nvrtc}. */
  final String key;

  /** Files of this prefix in the same folder are loaded first; empty for none. */
  final String companion;

  /** Newest first. */
  final List<String> sonames;

  private final Class<?> bindings;

  Library(String key, Class<?> bindings, String companion, String... sonames) {
    this.key = key;
    this.bindings = bindings;
    this.companion = companion;
    this.sonames = List.of(sonames);
  }

  /** Functions of the bindings that no loaded library has. */
  List<String> missingSymbols() {
    SymbolLookup lookup = SymbolLookup.loaderLookup();
    return Arrays.stream(bindings.getMethods())
        .filter(method -> Modifier.isStatic(method.getModifiers()))
        .map(Method::getName)
        .filter(name -> name.matches("(cu|nvrtc)[A-Za-z0-9_]+"))
        .filter(name -> lookup.find(name).isEmpty())
        .sorted()
        .toList();
  }
}
