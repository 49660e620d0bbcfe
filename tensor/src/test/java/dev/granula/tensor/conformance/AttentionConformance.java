package dev.granula.tensor.conformance;

import dev.granula.tensor.DType;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Rotary embedding and causal attention with their gradients. */
public interface AttentionConformance extends Conformance {

  @ParameterizedTest
  @CsvSource({"2, 5, 3, 2", "1, 7, 2, 6", "2, 3, 1, 64", "1, 40, 5, 34", "0, 3, 2, 8"})
  default void rotary_shapes(int batch, int time, int heads, int size) {
    for (Write write : Write.values()) {
      for (boolean inverse : new boolean[] {false, true}) {
        compare(
            Tolerances.POINTWISE,
            run -> {
              Tensor positions = run.indices(0, 50, batch, time);
              Tensor cos = run.uniform(DType.F32, -1, 1, 50, size / 2);
              Tensor sin = run.uniform(DType.F32, -1, 1, 50, size / 2);
              Tensor x = run.normal(DType.F32, batch, time, heads, size);
              Tensor out = run.output(write, DType.F32, batch, time, heads, size);
              run.backend().rotary(x, positions, cos, sin, inverse, out, write);
              Tensor joined = run.normal(DType.F32, batch, time, heads + 2, size);
              Tensor swapped = run.output(write, DType.F32, batch, heads, time, size);
              run.backend()
                  .rotary(
                      joined.slice(2, 1, heads + 1),
                      positions,
                      cos,
                      sin,
                      inverse,
                      swapped.transpose(1, 2),
                      write);
            });
      }
    }
  }

  @Test
  default void rotary_inPlace() {
    compare(
        Tolerances.POINTWISE,
        run -> {
          Tensor x = run.compared(run.normal(DType.F32, 2, 5, 3, 16));
          Tensor cos = run.uniform(DType.F32, -1, 1, 9, 8);
          Tensor sin = run.uniform(DType.F32, -1, 1, 9, 8);
          run.backend().rotary(x, run.indices(0, 9, 2, 5), cos, sin, false, x, Write.SET);
        });
  }

  /** Batch, queries, keys, heads, groups, size of a head. */
  @ParameterizedTest
  @CsvSource({
    "1, 1, 1, 1, 1, 1",
    "2, 5, 5, 4, 4, 6",
    "1, 7, 7, 3, 1, 5",
    "2, 6, 6, 4, 2, 8",
    "1, 1, 33, 4, 2, 16",
    "2, 3, 10, 2, 2, 17",
    "1, 65, 65, 2, 1, 32",
    "1, 130, 130, 2, 2, 20",
    "1, 20, 300, 2, 1, 24",
    "1, 70, 70, 2, 2, 80",
    "1, 33, 90, 6, 2, 128",
    "1, 90, 90, 7, 1, 7",
    "0, 3, 3, 2, 2, 8"
  })
  default void attention_shapes(int batch, int queries, int keys, int heads, int groups, int size) {
    compare(
        Tolerances.ATTENTION,
        run -> {
          Case c = new Case(run, DType.F32, batch, queries, keys, heads, groups, size);
          c.attend(null);
        });
    compare(
        Tolerances.ATTENTION,
        run -> {
          Case c = new Case(run, DType.F32, batch, queries, keys, heads, groups, size);
          c.attend(run.indices(-1, keys + 2, batch, queries));
        });
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 1, 1, 1, 1",
    "2, 5, 5, 4, 4, 6",
    "1, 7, 7, 3, 1, 5",
    "2, 6, 6, 4, 2, 8",
    "2, 3, 10, 2, 2, 17",
    "1, 65, 65, 2, 1, 32",
    "1, 130, 130, 2, 2, 20",
    "1, 20, 300, 2, 1, 24",
    "1, 70, 70, 2, 2, 80",
    "1, 33, 90, 6, 2, 128",
    "1, 90, 90, 7, 1, 7",
    "0, 3, 3, 2, 2, 8"
  })
  default void attentionGrad_shapes(
      int batch, int queries, int keys, int heads, int groups, int size) {
    for (Write write : Write.values()) {
      compare(
          Tolerances.ATTENTION,
          run -> {
            Case c = new Case(run, DType.F32, batch, queries, keys, heads, groups, size);
            c.differentiate(null, write, true, true, true);
          });
      compare(
          Tolerances.ATTENTION,
          run -> {
            Case c = new Case(run, DType.F32, batch, queries, keys, heads, groups, size);
            Tensor firstKey = run.indices(-1, keys + 2, batch, queries);
            c.differentiate(firstKey, write, true, true, true);
          });
    }
  }

  /** All operands and gradients in one tensor, two packed samples in each row of the batch. */
  @ParameterizedTest
  @EnumSource(Write.class)
  default void attentionGrad_fusedProjectionOfPackedSamples(Write write) {
    compare(
        Tolerances.ATTENTION,
        run -> {
          Tensor qkv = run.normal(DType.F32, 2, 150, 4 + 2 + 2, 16);
          Tensor dQkv = run.output(write, DType.F32, 2, 150, 4 + 2 + 2, 16);
          double[] bounds = new double[2 * 150];
          Arrays.fill(bounds, 70, 150, 70);
          Arrays.fill(bounds, 150 + 3, 300, 3);
          Tensor firstKey = run.values(DType.I32, bounds, 2, 150);
          Tensor q = qkv.slice(2, 0, 4);
          Tensor k = qkv.slice(2, 4, 6);
          Tensor v = qkv.slice(2, 6, 8);
          Tensor out = run.output(Write.SET, DType.F32, 2, 150, 4, 16);
          Tensor lse = run.output(Write.SET, DType.F32, 2, 4, 150);
          run.backend().attention(q, k, v, firstKey, 0.25, out, lse);
          run.backend()
              .attentionGrad(
                  q,
                  k,
                  v,
                  firstKey,
                  0.25,
                  out,
                  lse,
                  run.normal(DType.F32, 2, 150, 4, 16),
                  dQkv.slice(2, 0, 4),
                  write,
                  dQkv.slice(2, 4, 6),
                  write,
                  dQkv.slice(2, 6, 8),
                  write);
        });
  }

  @ParameterizedTest
  @EnumSource(Write.class)
  default void attentionGrad_nullOutputs(Write write) {
    for (int only = 0; only < 3; only++) {
      int wanted = only;
      compare(
          Tolerances.ATTENTION,
          run -> {
            Case c = new Case(run, DType.F32, 2, 9, 9, 4, 2, 8);
            c.differentiate(null, write, wanted == 0, wanted == 1, wanted == 2);
          });
    }
  }

  @Test
  default void attention_inF64() {
    compare(Tolerances.ATTENTION, run -> new Case(run, DType.F64, 2, 6, 9, 4, 2, 10).attend(null));
    compare(
        Tolerances.ATTENTION,
        run ->
            new Case(run, DType.F64, 2, 6, 9, 4, 2, 10)
                .differentiate(null, Write.ADD, true, true, true));
  }

  /** Scores far beyond the range of exp. */
  @Test
  default void attention_largeScores() {
    compare(
        Tolerances.CANCELLATION,
        run -> {
          Case c = new Case(run, DType.F32, 1, 20, 20, 2, 2, 16, 40);
          c.attend(null);
        });
  }

  /** NaN in a query, and in a key for those that see it, is not hidden: the loss must show it. */
  @Test
  default void attention_nan() {
    for (int size : new int[] {5, 16}) {
      for (boolean inQuery : new boolean[] {true, false}) {
        compare(
            Tolerances.ATTENTION,
            run -> {
              double[] values = new double[20 * size];
              Arrays.fill(values, 0.5);
              values[12 * size + 1] = Double.NaN;
              Tensor poisoned = run.values(DType.F32, values, 1, 20, 1, size);
              Tensor clean = run.normal(DType.F32, 1, 20, 1, size);
              Tensor out = run.output(Write.SET, DType.F32, 1, 20, 1, size);
              Tensor lse = run.output(Write.SET, DType.F32, 1, 1, 20);
              Tensor q = inQuery ? poisoned : clean;
              Tensor k = inQuery ? clean : poisoned;
              run.backend().attention(q, k, clean, null, 0.3, out, lse);
            });
      }
    }
  }

  /** More queries than keys: the first ones stand before every key and see nothing. */
  @Test
  default void attention_moreQueriesThanKeys() {
    compare(Tolerances.ATTENTION, run -> new Case(run, DType.F32, 1, 7, 4, 2, 1, 8).attend(null));
    compare(
        Tolerances.ATTENTION,
        run ->
            new Case(run, DType.F32, 1, 7, 4, 2, 1, 8)
                .differentiate(null, Write.SET, true, true, true));
  }

  /** Operands as a fused projection leaves them: slices of rows, heads inside. */
  final class Case {
    private final Run run;
    private final DType dtype;
    private final int batch;
    private final int queries;
    private final int heads;
    private final int size;
    private final double scale;
    private final Tensor q;
    private final Tensor k;
    private final Tensor v;
    private final Tensor out;
    private final Tensor lse;

    Case(Run run, DType dtype, int batch, int queries, int keys, int heads, int groups, int size) {
      this(run, dtype, batch, queries, keys, heads, groups, size, 1 / Math.sqrt(size));
    }

    Case(
        Run run,
        DType dtype,
        int batch,
        int queries,
        int keys,
        int heads,
        int groups,
        int size,
        double scale) {
      this.run = run;
      this.dtype = dtype;
      this.batch = batch;
      this.queries = queries;
      this.heads = heads;
      this.size = size;
      this.scale = scale;
      q = run.normal(dtype, batch, heads, queries, size).transpose(1, 2);
      Tensor keysAndValues = run.normal(dtype, batch, keys, 2 * groups, size);
      k = keysAndValues.slice(2, 0, groups);
      v = keysAndValues.slice(2, groups, 2 * groups);
      out = run.output(Write.SET, dtype, batch, queries, heads, size);
      lse = run.output(Write.SET, dtype, batch, heads, queries);
    }

    void attend(@Nullable Tensor firstKey) {
      run.backend().attention(q, k, v, firstKey, scale, out, lse);
    }

    void differentiate(
        @Nullable Tensor firstKey, Write write, boolean toQ, boolean toK, boolean toV) {
      attend(firstKey);
      Tensor g = run.normal(dtype, batch, queries, heads, size);
      Tensor dq = run.output(write, dtype, batch, heads, queries, size).transpose(1, 2);
      Tensor dk = run.output(write, dtype, k.shape().toArray());
      Tensor dv = run.output(write, dtype, v.shape().toArray());
      run.backend()
          .attentionGrad(
              q,
              k,
              v,
              firstKey,
              scale,
              out,
              lse,
              g,
              toQ ? dq : null,
              write,
              toK ? dk : null,
              write,
              toV ? dv : null,
              write);
    }
  }
}
