package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.COLS;

/**
 * Neighbouring right-hand panels that are being packed, from some step of their depth on.
 *
 * @param at where the first panel begins in {@code floats}
 * @param panelFloats distance of panels
 * @param down the first step of depth
 * @param col the first column
 * @param cols columns; the last panel may be narrower than {@link MatmulKernel#COLS}
 */
record PanelStrip(float[] floats, int at, int panelFloats, int down, long col, int cols) {
  int width(int panel) {
    return Math.min(COLS, cols - panel * COLS);
  }

  /** Distance of the rows of a panel. */
  int stride(int panel) {
    return MatmulKernel.stride(width(panel));
  }

  /** Where the row that is {@code row} steps below the first one begins in a panel. */
  int place(int panel, int row) {
    return at + panel * panelFloats + (down + row) * stride(panel);
  }
}
