package dev.granula.cuda;

import dev.granula.cuda.bindings.cublas_h;
import dev.granula.cuda.bindings.cuda_h;
import dev.granula.cuda.bindings.nvrtc_h;
import java.lang.foreign.SymbolLookup;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The libraries that the bindings call, in the order in which they are loaded. */
enum Library {
  DRIVER("driver", "the NVIDIA driver", cuda_h.class, "", "libcuda.so.1"),
  CUBLAS(
      "cublas",
      "cuBLAS",
      cublas_h.class,
      "libcublasLt.so",
      "libcublas.so.13",
      "libcublas.so.12",
      "libcublas.so.11",
      "libcublas.so"),
  /** It opens its builtins by bare name at the first compilation, so they are loaded before it. */
  NVRTC(
      "nvrtc",
      "NVRTC",
      nvrtc_h.class,
      "libnvrtc-builtins.so",
      "libnvrtc.so.13",
      "libnvrtc.so.12",
      "libnvrtc.so.11.2",
      "libnvrtc.so");

  private static final Pattern VERSION = Pattern.compile("\\.so\\.([0-9]+)");

  /** The last part of its property {@code granula.cuda.driver}, {@code .cublas}, {@code .nvrtc}. */
  final String key;

  /** For messages. */
  final String title;

  /** Files of this prefix in the same folder are loaded first; empty for none. */
  final String companion;

  /** Newest first. */
  final List<String> sonames;

  private final Class<?> bindings;

  Library(String key, String title, Class<?> bindings, String companion, String... sonames) {
    this.key = key;
    this.title = title;
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

  /** 12 for {@code libcublas.so.12}; 0 where the name does not say. */
  static int major(String soname) {
    Matcher version = VERSION.matcher(soname);
    return version.find() && !soname.startsWith("libcuda.")
        ? Integer.parseInt(version.group(1))
        : 0;
  }
}
