/** Layers, optimizers and schedules. */
module dev.granula.nn {
  requires transitive dev.granula.autograd;
  requires static transitive org.jspecify;

  exports dev.granula.nn;
  exports dev.granula.nn.optim;
}
