package dev.granula.samples;

import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Shape;
import dev.granula.tensor.cpu.Cpu;
import java.io.PrintStream;
import java.util.Objects;

/**
 * Lesson 5: GraLoRA in plain operations. The weight is cut into k x k blocks; block (j, n) gets an
 * update of its own, of rank s = r/k:
 *
 * <pre>{@code
 * R_jn = (A_n[:, run j]  B_j[run n, :])^T      A [k, I/k, r], B [k, r, O/k], runs of s
 * }</pre>
 *
 * The same number of weights as LoRA of rank r, k times its rank, and a block of the update reads
 * only its own block of the full gradient: c^2 (F_jn A A^T + B B^T F_jn). A loud input channel
 * stays in the I/k columns of its blocks.
 */
public final class Lesson05GraLoraByHand {
  private static final int K = 2;
  private static final int RANK = 2;
  private static final int RUN = RANK / K;
  private static final double SCALE = 2;

  private Lesson05GraLoraByHand() {}

  public static void main(String[] args) {
    run(System.out);
  }

  static void run(PrintStream out) {
    Device device = Cpu.device();
    double[][] quiet = step(device, 1);
    double[][] loud = step(device, 100);
    int lora =
        Lesson04LoraByHand.changedColumns(
            Lesson04LoraByHand.step(device, 1), Lesson04LoraByHand.step(device, 100));
    out.println("input channel 0 made 100 times louder: columns of the update that change");
    out.println("  LoRA    " + lora + " of " + Lesson04LoraByHand.IN);
    out.println(
        "  GraLoRA "
            + Lesson04LoraByHand.changedColumns(quiet, loud)
            + " of "
            + Lesson04LoraByHand.IN);
  }

  private static double[][] step(Device device, double loudness) {
    int in = Lesson04LoraByHand.IN;
    int out = Lesson04LoraByHand.OUT;
    RandomStream random = new RandomStream(1);
    Variable w = Variable.constant(random.uniform(device, DType.F32, Shape.of(out, in), -1, 1));
    Variable a = Variable.leaf(random.uniform(device, DType.F32, Shape.of(K, in / K, RANK), -1, 1));
    Variable b =
        Variable.leaf(random.uniform(device, DType.F32, Shape.of(K, RANK, out / K), -1, 1));
    Variable x = Variable.constant(Lesson04LoraByHand.input(device, loudness));

    Variable y = x.linear(w, null).add(update(x, a, b).scale(SCALE));
    y.backward(Lesson04LoraByHand.upstream(device));

    Variable da = Variable.constant(Objects.requireNonNull(a.grad()));
    Variable db = Variable.constant(Objects.requireNonNull(b.grad()));
    return Lesson04LoraByHand.matrix(fused(a, db).add(fused(da, b)).scale(SCALE).data());
  }

  /** u_n = x_n A_n; z_j = run j of every u_n; y_j = z_j B_j. */
  private static Variable update(Variable x, Variable a, Variable b) {
    long rows = x.shape().dim(0);
    Variable u = x.reshape(rows, K, -1).permute(1, 0, 2).matmul(a);
    Variable z = u.reshape(K, rows, K, RUN).permute(2, 1, 0, 3).reshape(K, rows, RANK);
    return z.matmul(b).permute(1, 0, 2).reshape(rows, -1);
  }

  /** All blocks R_jn side by side as one weight [O, I]. */
  private static Variable fused(Variable a, Variable b) {
    long width = a.shape().dim(1);
    long height = b.shape().dim(2);
    Variable left = b.reshape(K, K, RUN, height).permute(0, 1, 3, 2);
    Variable right = a.reshape(K, width, K, RUN).permute(2, 0, 3, 1);
    return left.matmul(right).permute(0, 2, 1, 3).reshape(K * height, K * width);
  }
}
