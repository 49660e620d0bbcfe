/** Numbered lessons and small programs. */
module dev.granula.samples {
  requires transitive dev.granula.training;
  requires static transitive org.jspecify;

  exports dev.granula.samples;
  exports dev.granula.samples.world;
}
