package dev.granula.models.tokenizer;

/**
 * A token that is cut out of the text before the pre-tokenizer sees it.
 *
 * @param id its id
 * @param content its text
 * @param singleWord match only where no word character touches it
 * @param lstrip swallow white space to its left
 * @param rstrip swallow white space to its right
 * @param normalized match in normalized text, in normalized form
 * @param special left out of decoded text on request
 */
record AddedToken(
    int id,
    String content,
    boolean singleWord,
    boolean lstrip,
    boolean rstrip,
    boolean normalized,
    boolean special) {
  /** Reads all but the id, which stands beside the rest in one file and above it in another. */
  static AddedToken read(JsonFields fields, int id) {
    String content = fields.requiredText("content");
    boolean special = fields.bool("special", false);
    return new AddedToken(
        id,
        content,
        fields.bool("single_word", false),
        fields.bool("lstrip", false),
        fields.bool("rstrip", false),
        fields.bool("normalized", !special),
        special);
  }
}
