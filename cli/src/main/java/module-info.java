/** The granula command. */
module dev.granula.cli {
  requires dev.granula.training;
  requires static org.jspecify;
  requires info.picocli;
  requires me.tongfei.progressbar;
  requires tools.jackson.databind;

  opens dev.granula.cli to
      info.picocli;
}
