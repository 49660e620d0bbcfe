package dev.granula.tensor.cpu;

/** The processor as most programs want it. */
public final class Cpu {
  private Cpu() {}

  /** Made at the first use, so that nobody who opens a device of their own pays for this one. */
  private static final class Holder {
    static final CpuDevice DEVICE = CpuDevice.create();
  }

  /** The device for lessons and small programs: the fastest back end, on all processors. */
  public static CpuDevice device() {
    return Holder.DEVICE;
  }
}
