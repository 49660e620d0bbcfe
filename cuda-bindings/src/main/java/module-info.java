/** The CUDA back end. */
module dev.granula.cuda {
  requires transitive dev.granula.tensor;
  requires static transitive org.jspecify;

  exports dev.granula.cuda;

  provides dev.granula.tensor.DeviceProvider with
      dev.granula.cuda.CudaProvider;
}
