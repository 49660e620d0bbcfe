/** Decoder language models, tokenizers and generation. */
module dev.granula.models {
  requires transitive dev.granula.nn;
  requires static transitive org.jspecify;
  requires tools.jackson.databind;

  exports dev.granula.models;
  exports dev.granula.models.generation;
  exports dev.granula.models.tokenizer;
}
