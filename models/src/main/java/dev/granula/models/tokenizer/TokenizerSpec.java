package dev.granula.models.tokenizer;

import java.util.List;

/**
 * What a tokenizer directory says, checked.
 *
 * @param addedTokens in order of the file, without duplicates
 * @param nfc whether text is brought to Unicode normalization form C first
 */
record TokenizerSpec(
    BpeModel model,
    List<AddedToken> addedTokens,
    boolean nfc,
    PreTokenizer preTokenizer,
    Template template,
    SpecialTokens specialTokens) {}
