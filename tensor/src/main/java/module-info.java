/** Tensors, memory and compute back ends. */
module dev.granula.tensor {
  requires jdk.incubator.vector;
  requires static transitive org.jspecify;
  requires tools.jackson.databind;

  exports dev.granula.tensor;
  exports dev.granula.tensor.cpu;
  exports dev.granula.tensor.expression;
  exports dev.granula.tensor.reference;
}
