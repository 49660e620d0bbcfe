package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.DEPTH;
import static dev.granula.tensor.internal.simd.MatmulKernel.LHS_STRIDE;
import static dev.granula.tensor.internal.simd.MatmulKernel.MAX_DEPTH;

import java.util.ArrayList;
import java.util.List;

/**
 * A stretch of depth that is packed as one, so that each element of its tiles is one chain of fused
 * multiply-adds through all of its segments, and the result is visited once.
 *
 * @param segments in the order of the chain, each behind the one before
 * @param depth of all segments
 */
record DepthBlock(List<Segment> segments, int depth) {
  /**
   * Up to {@link MatmulKernel#DEPTH} of the depth of a term.
   *
   * @param from first step in the depth of the term
   * @param at first step in the depth of the block
   */
  record Segment(Term term, long from, int depth, int at) {
    /**
     * Steps {@code first} to {@code first + count - 1} of it, as a segment that begins at {@code
     * to}.
     */
    Segment part(int first, int count, int to) {
      return new Segment(term, from + first, count, to);
    }

    /**
     * Packs {@code count} rows, times the scale of the term, of a block that begins at {@code l}.
     */
    void packLhs(long matrix, long row, int count, float[] to, int l) {
      int first = l + at;
      term.lhs(matrix).copy(row, count, from, depth, to, first, LHS_STRIDE);
      scale(to, first, count, depth, term.scale());
    }
  }

  /** Scales left-hand rows that begin at {@code l}. */
  static void scale(float[] rows, int l, int count, int depth, float scale) {
    for (int r = 0; scale != 1 && r < count; r++) {
      for (int i = l + r * LHS_STRIDE; i < l + r * LHS_STRIDE + depth; i++) {
        rows[i] *= scale;
      }
    }
  }

  /** Cuts the depths of all terms, one behind the other, so that few blocks result. */
  static List<DepthBlock> cut(List<Term> terms) {
    List<DepthBlock> blocks = new ArrayList<>();
    List<Segment> segments = new ArrayList<>();
    int depth = 0;
    for (Term term : terms) {
      int parts = BlockedProduct.ceilDiv(term.depth(), DEPTH);
      for (int i = 0; i < parts; i++) {
        long from = term.depth() * i / parts;
        int part = (int) (term.depth() * (i + 1) / parts - from);
        if (depth > 0 && depth + part > MAX_DEPTH) {
          blocks.add(new DepthBlock(List.copyOf(segments), depth));
          segments.clear();
          depth = 0;
        }
        segments.add(new Segment(term, from, part, depth));
        depth += part;
      }
    }
    blocks.add(new DepthBlock(List.copyOf(segments), depth));
    return blocks;
  }

  /** The largest depth of some blocks. */
  static int deepest(List<DepthBlock> blocks) {
    return blocks.stream().mapToInt(DepthBlock::depth).max().orElseThrow();
  }
}
