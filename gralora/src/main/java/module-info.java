/** GraLoRA and LoRA adapters. */
module dev.granula.gralora {
  requires transitive dev.granula.nn;
  requires static transitive org.jspecify;
  requires tools.jackson.databind;

  exports dev.granula.gralora;
}
