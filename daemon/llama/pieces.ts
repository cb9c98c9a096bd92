import { type LlamaModel, LlamaVocabularyType, type Token } from "node-llama-cpp";

/** Code points. */
const pieceLengthMax = 4_096;

/** As long as may be, and ends where a word does; a word that is longer is cut. */
const piece = new RegExp(
  `[^]{1,${pieceLengthMax}}(?:$|(?<=[\\p{L}\\p{N}])(?=[\\s，。、]))|[^]{1,${pieceLengthMax}}`,
  "gu",
);

/**
 * What of `text` may be given to llama.cpp at once. It finds the words of most BPE vocabularies by `std::regex`, which
 * takes some 360 bytes of the stack for each character of a word, and ends the process at 22,000 of them. Other
 * vocabularies have no words, and read a text whole.
 */
export function piecesOf(model: LlamaModel, text: string): readonly string[] {
  return model.vocabularyType === LlamaVocabularyType.bpe ? (text.match(piece) ?? []) : [text];
}

/** Whatever markers it holds stay text. */
export function tokenizeText(model: LlamaModel, text: string): Token[] {
  return piecesOf(model, text).flatMap((each) => model.tokenize(each));
}
