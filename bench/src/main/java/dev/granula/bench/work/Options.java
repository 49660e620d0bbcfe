package dev.granula.bench.work;

import dev.granula.tensor.DType;
import dev.granula.tensor.Memory;
import dev.granula.tensor.cpu.CpuDevice;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** The {@code name=value} arguments of a program. */
public final class Options {
  private final Map<String, String> values;

  private Options(Map<String, String> values) {
    this.values = values;
  }

  public static Options parse(Iterable<String> arguments) {
    Map<String, String> values = new HashMap<>();
    for (String argument : arguments) {
      int equals = argument.indexOf('=');
      if (equals < 1) {
        throw new IllegalArgumentException("not of the form name=value: " + argument);
      }
      values.put(argument.substring(0, equals), argument.substring(equals + 1));
    }
    return new Options(values);
  }

  String text(String name, String otherwise) {
    return values.getOrDefault(name, otherwise);
  }

  int number(String name, int otherwise) {
    String value = values.get(name);
    return value == null ? otherwise : Integer.parseInt(value);
  }

  /** Numbers with commas between; none if the option is missing. */
  int[] numbers(String name) {
    String value = values.get(name);
    return value == null
        ? new int[0]
        : Arrays.stream(value.split(",")).mapToInt(Integer::parseInt).toArray();
  }

  boolean isSet(String name) {
    return Boolean.parseBoolean(values.get(name));
  }

  int threads() {
    return number("threads", 2);
  }

  CpuDevice device() {
    return CpuDevice.create(threads(), Memory.Debug.OFF);
  }

  /** The element type in which weights are stored. */
  DType base() {
    return DType.valueOf(text("base", "f32").toUpperCase(Locale.ROOT));
  }
}
