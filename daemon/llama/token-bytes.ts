import { type LlamaModel, LlamaVocabularyType, type Token } from "node-llama-cpp";

/** What a token adds to a text: bytes, since a character may be spread over several tokens. */
export type TokenBytes = (token: number) => Uint8Array;

/**
 * A vocabulary's tokens as bytes, each by itself, as llama.cpp's `token_to_piece` has them; control tokens are empty.
 * Its `detokenize`, the one way to them that the binding has, tidies spaces over the whole text for many vocabularies
 * (" 're" becomes "'re", `'m'` an apostrophe less), so that what was said already changes with the tokens after it.
 */
export function createTokenBytes(model: LlamaModel): TokenBytes {
  const tokens = model.fileInfo.metadata.tokenizer?.ggml.tokens ?? [];
  const spell = spellingOf(model.vocabularyType, tokens);
  return (token) => {
    const text = tokens[token] ?? "";
    const attributes = model.getTokenAttributes(toToken(token));
    if (attributes.control || attributes.unknown) return Buffer.alloc(0);
    if (attributes.userDefined) return Buffer.from(text);
    if (attributes.byte) return Buffer.from(text.slice(3, 5), "hex");
    return attributes.normal ? spell(text) : Buffer.alloc(0);
  };
}

/** How a vocabulary writes what its tokens mean. */
function spellingOf(type: LlamaVocabularyType, tokens: readonly string[]): (text: string) => Uint8Array {
  if (type === LlamaVocabularyType.rwkv) return unescaped;
  if (type === LlamaVocabularyType.plamo2) return (text) => Buffer.from(text);
  // Some BPE vocabularies are SentencePiece's by nature, whose tokens are text with "▁" for a space.
  const isOfBytes = type === LlamaVocabularyType.bpe && !tokens.includes("▁");
  return isOfBytes ? ofByteLetters : (text) => Buffer.from(text.replaceAll("▁", " "));
}

/** A token of byte-level BPE has a letter for each byte. */
function ofByteLetters(text: string): Uint8Array {
  return Buffer.concat([...text].map((letter) => byteLetters.get(letter) ?? Buffer.from(letter)));
}

/**
 * The letters of bytes: themselves where Latin-1 can show them, else the next from U+0100 on.
 * Source: `bytes_to_unicode` of GPT-2 (OpenAI, 2019).
 */
const byteLetters: ReadonlyMap<string, Uint8Array> = letterBytes();

function letterBytes(): ReadonlyMap<string, Uint8Array> {
  const isShown = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  let next = 0x100;
  const letterOf = (byte: number) => String.fromCodePoint(isShown(byte) ? byte : next++);
  return new Map(Array.from({ length: 256 }, (_, byte) => [letterOf(byte), Uint8Array.of(byte)]));
}

/** RWKV's vocabularies are written with escapes. */
function unescaped(text: string): Uint8Array {
  const parts = text.match(/\\x[0-9a-f]{2}|\\.|[^\\]+/gs) ?? [];
  return Buffer.concat(parts.map(ofEscape));
}

const escapes: Readonly<Record<string, string>> = { "\\t": "\t", "\\n": "\n", "\\r": "\r" };

function ofEscape(part: string): Uint8Array {
  if (part.startsWith("\\x") && part.length === 4) return Buffer.from(part.slice(2), "hex");
  return Buffer.from(escapes[part] ?? (part.startsWith("\\") ? part.slice(1) : part));
}

function toToken(token: number): Token {
  return token as Token;
}
