package dev.granula.cuda;

import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.util.List;

/** Sums over dimensions and norms. The order of additions is fixed, so results repeat. */
final class Reductions {
  private static final String FILE = "reductions.cu";

  /** Sums that a block forms side by side where neighbouring sums read neighbouring elements. */
  private static final int SIDE_BY_SIDE = 32;

  /** As in {@code struct NormTensors}. */
  private static final int NORM_TENSORS = 16;

  private static final int NORM_BLOCKS = 32;

  private final Device device;
  private final Kernels kernels;

  Reductions(Device device, Kernels kernels) {
    this.device = device;
    this.kernels = kernels;
  }

  void sum(Tensor in, Tensor out, double scale, Write write) {
    int rank = in.shape().rank();
    int[] order = new int[rank];
    int kept = 0;
    for (int d = 0; d < rank; d++) {
      if (out.shape().dim(d) != 1) {
        order[kept++] = d;
      }
    }
    int next = kept;
    long count = 1;
    boolean runs = false;
    for (int d = 0; d < rank; d++) {
      long dim = in.shape().dim(d);
      if (out.shape().dim(d) == 1) {
        order[next++] = d;
        count *= dim;
        runs = dim == 1 ? runs : in.stride(d) == 1;
      }
    }
    Tensor ordered = in.permute(order);
    int perBlock = runs || out.elementCount() == 1 ? 1 : SIDE_BY_SIDE;
    kernels
        .launch(FILE, "sum", out.dtype())
        .view(ordered, 0, kept)
        .view(ordered, kept, rank)
        .view(out)
        .words(out.elementCount())
        .words(count)
        .integer(perBlock)
        .real(out.dtype(), scale)
        .write(write)
        .run((out.elementCount() + perBlock - 1) / perBlock);
  }

  void norm(List<Tensor> in, Tensor out) {
    try (Scope _ = device.memory().scratch()) {
      int launches = (in.size() + NORM_TENSORS - 1) / NORM_TENSORS;
      Tensor partial =
          Tensor.empty(device, DType.F64, Shape.of(launches, NORM_TENSORS, NORM_BLOCKS));
      long count = (long) in.size() * NORM_BLOCKS;
      for (int l = 0; l < launches; l++) {
        int end = Math.min(in.size(), (l + 1) * NORM_TENSORS);
        List<Tensor> part = in.subList(l * NORM_TENSORS, end);
        kernels
            .launch(FILE, "squares", out.dtype())
            .tensors(NORM_TENSORS, List.of(part))
            .pointer(partial.slice(0, l, l + 1))
            .run(NORM_BLOCKS, part.size(), 1, Launch.THREADS);
      }
      kernels
          .launch(FILE, "rootOfSum", out.dtype())
          .pointer(partial)
          .words(count)
          .pointer(out)
          .run(1);
    }
  }
}
