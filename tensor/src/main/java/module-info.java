/** Tensors, memory and compute back ends. */
@SuppressWarnings("module") // The modules that see internal.io are not on this one's path.
module dev.granula.tensor {
  requires jdk.incubator.vector;
  requires jdk.management;
  requires static transitive org.jspecify;
  requires tools.jackson.databind;

  exports dev.granula.tensor;
  exports dev.granula.tensor.cpu;
  exports dev.granula.tensor.expression;
  exports dev.granula.tensor.internal.io to
      dev.granula.gralora,
      dev.granula.models,
      dev.granula.training;
  exports dev.granula.tensor.reference;
  exports dev.granula.tensor.safetensors;

  uses dev.granula.tensor.DeviceProvider;

  provides dev.granula.tensor.DeviceProvider with
      dev.granula.tensor.cpu.CpuProvider;
}
