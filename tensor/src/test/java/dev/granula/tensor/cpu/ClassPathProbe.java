package dev.granula.tensor.cpu;

import dev.granula.tensor.DeviceException;

/** Run without the Vector API: prints the default back end and the error of the simd one. */
public final class ClassPathProbe {
  private ClassPathProbe() {}

  public static void main(String[] arguments) {
    System.out.println(Cpu.device());
    try {
      System.out.println(CpuDevice.simd());
    } catch (DeviceException e) {
      System.out.println(e.getMessage());
    }
  }
}
