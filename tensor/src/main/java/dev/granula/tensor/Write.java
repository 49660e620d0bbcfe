package dev.granula.tensor;

/** How a kernel stores its result: the first contribution to a gradient sets it, later ones add. */
public enum Write {
  SET,
  ADD
}
