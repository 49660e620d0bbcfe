/** Reverse-mode differentiation over tensors. */
module dev.granula.autograd {
  requires transitive dev.granula.tensor;
  requires static transitive org.jspecify;

  exports dev.granula.autograd;
  exports dev.granula.autograd.op;
  exports dev.granula.autograd.ops;
}
