/** Datasets, trainer, evaluation and reports. */
module dev.granula.training {
  requires transitive dev.granula.gralora;
  requires transitive dev.granula.models;
  requires static transitive org.jspecify;
  requires tools.jackson.databind;

  exports dev.granula.training;
  exports dev.granula.training.data;
  exports dev.granula.training.quickstart;
}
