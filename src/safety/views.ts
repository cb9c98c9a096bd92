import { segment } from "./segment.ts";

/**
 * Other ways to read the same text. `base` is always there; the rest appear only where they differ from it, so that
 * ordinary text is scored once. All are lower case.
 */
export interface View {
  readonly name: "base" | "leet" | "spaced" | "decoded" | "rotated" | "reversed";
  readonly text: string;
}

/** Decoded text is bounded: pieces per text, characters per text, layers of encoding. */
const piecesMax = 16;
const decodedMax = 16_384;
const layersMax = 2;

export function viewsOf(text: string): readonly View[] {
  const base = plainView(text);
  const views: View[] = [{ name: "base", text: base }];
  add(views, "spaced", joinSpaced(base));
  add(views, "leet", unleet(views.at(-1)?.text ?? base));
  add(views, "decoded", plainView(decode(text)));
  add(views, "rotated", rotate(base));
  add(views, "reversed", reverse(base));
  return views;
}

function add(views: View[], name: View["name"], text: string | undefined): void {
  if (text !== undefined && text !== "" && views.every((view) => view.text !== text)) views.push({ name, text });
}

const ascii = /^\p{ASCII}*$/u;
/** Format characters, variation selectors, joiners, tags: invisible, and put between letters to hide a word. */
const invisible = /\p{Cf}|\p{Variation_Selector}|\p{Default_Ignorable_Code_Point}/gu;
/** Signs for whole words, up to 18 letters each: read as a gap, so that no text grows beyond four times its length. */
const wordSigns = /[\u3300-\u3357\u33ae\u33af\ufdfa\ufdfb]/g;

/** NFKC, lower case, without invisible characters and stacked marks, look-alike letters folded to Latin. */
export function plainView(text: string): string {
  if (ascii.test(text)) return text.toLowerCase();
  const composed = text.replace(invisible, "").replace(wordSigns, " ").normalize("NFKC").toLowerCase();
  const bare = composed
    .normalize("NFD")
    .replace(/([a-z])\p{M}+/gu, "$1")
    .normalize("NFC");
  return bare.replace(/[\p{L}\p{N}]+/gu, foldWord);
}

/** Cyrillic, Greek and other letters that look like a Latin one (after lower-casing). Source: Unicode confusables.txt. */
const lookalikes = new Map(
  Object.entries({
    а: "a",
    в: "b",
    е: "e",
    ѕ: "s",
    і: "i",
    ј: "j",
    к: "k",
    м: "m",
    н: "h",
    о: "o",
    р: "p",
    с: "c",
    т: "t",
    у: "y",
    х: "x",
    ԁ: "d",
    ԛ: "q",
    ԝ: "w",
    һ: "h",
    ӏ: "l",
    г: "r",
    п: "n",
    ь: "b",
    ү: "y",
    α: "a",
    β: "b",
    γ: "y",
    ε: "e",
    η: "n",
    ι: "i",
    κ: "k",
    ν: "v",
    ο: "o",
    ρ: "p",
    σ: "o",
    τ: "t",
    υ: "u",
    χ: "x",
    ω: "w",
    ϲ: "c",
    ϳ: "j",
    ı: "i",
    ɑ: "a",
    ɡ: "g",
    ɩ: "i",
    ʀ: "r",
    ɴ: "n",
    ʟ: "l",
    ɪ: "i",
    ʏ: "y",
    ᴀ: "a",
    ᴄ: "c",
    ᴅ: "d",
    ᴇ: "e",
    ᴊ: "j",
    ᴋ: "k",
    ᴍ: "m",
    ᴏ: "o",
    ᴘ: "p",
    ᴛ: "t",
    ᴜ: "u",
    ᴠ: "v",
    ᴡ: "w",
    ᴢ: "z",
    ʙ: "b",
    ɢ: "g",
    ʜ: "h",
    ø: "o",
    ł: "l",
    đ: "d",
    ħ: "h",
    ŧ: "t",
    օ: "o",
    ո: "n",
    ս: "u",
    հ: "h",
    ց: "g",
  }),
);

/** Folds a word only where it mixes scripts, or is built of look-alikes alone: Russian and Greek text stays itself. */
function foldWord(word: string): string {
  if (ascii.test(word)) return word;
  const letters = [...word];
  const isDisguise =
    /[a-z]/.test(word) || letters.every((letter) => lookalikes.has(letter) && !/[гпьуηυσ]/.test(letter));
  return isDisguise ? letters.map((letter) => lookalikes.get(letter) ?? letter).join("") : word;
}

/** Single letters set apart by one repeated separator: "b o m b", "b.o.m.b", "b-o-m-b". Wider gaps part words. */
const spacedRun =
  /(?<![\p{L}\p{N}])[\p{L}\p{N}@$]([ .\-_*·|/,~+])\1{0,2}[\p{L}\p{N}@$](?:\1{1,3}[\p{L}\p{N}@$](?![\p{L}\p{N}]))+/gu;

function joinSpaced(text: string): string | undefined {
  return text.replace(spacedRun, (run) => (run.length < 6 ? run : joinLetters(run)));
}

/** Longer runs are several words whose gaps were left out. */
const joinedWordMax = 8;

function joinLetters(run: string): string {
  const gap = run.charAt(1);
  return run
    .split(new RegExp(`\\${gap}{2,}`))
    .map((word) => word.replaceAll(gap, ""))
    .map((word) => (word.length > joinedWordMax ? segment(word) : word))
    .join(" ");
}

const leetLetters: Readonly<Record<string, string>> = {
  "0": "o",
  "1": "i",
  "2": "z",
  "3": "e",
  "4": "a",
  "5": "s",
  "6": "g",
  "7": "t",
  "8": "b",
  "9": "g",
  "@": "a",
  $: "s",
  "!": "i",
  "|": "i",
  "+": "t",
  "€": "e",
  "£": "l",
  "*": "",
};
/** A word with a letter and a stand-in inside it; "2nd", "4k", "gpt4" have theirs at one end and digits only. */
const shortLeet = /^(?:t0|d0|g0|n0|s0|0f|0n|0r|1n|1s|1t|1f|4n|4s|4t|m3|w3|h3|b3)$/;
const leetWord = /(?<![\p{L}\p{N}@$])(?=\S{0,23}[a-z])(?=\S{0,23}[0-9@$!|+€£*])[a-z0-9@$!|+€£*]{2,24}/gu;

function unleet(text: string): string | undefined {
  if (!/[a-z][0-9@$!|+€£*]|[0-9@$|+€£*][a-z]/.test(text)) return undefined;
  return text.replace(leetWord, (word) => {
    const body = word.replace(/[!+|*]+$/, "");
    if (shortLeet.test(body)) return fromLeet(body);
    const isOrdinary = !/[0-9@$!|+€£*]/.test(body) || /^[a-z]+\d+$|^\d+[a-z]{1,2}$|^[0-9a-f]{6,}$/.test(body);
    return isOrdinary ? word : fromLeet(body);
  });
}

function fromLeet(word: string): string {
  return word.replace(/[^a-z]/g, (sign) => leetLetters[sign] ?? sign);
}

const base64Run = /[A-Za-z0-9+/_-]{16,}={0,2}/g;
const hexRun = /(?:[0-9a-fA-F]{2}[\s:]?){10,}/g;

/** What base64 and hexadecimal runs of `text` decode to, where that is text; "" without any. */
function decode(text: string): string {
  let found = "";
  let layer = text;
  for (let depth = 0; depth < layersMax; depth++) {
    layer = decodeLayer(layer);
    if (layer === "") break;
    found = `${found}\n${layer}`.slice(0, decodedMax);
  }
  return found;
}

function decodeLayer(text: string): string {
  const pieces: string[] = [];
  let budget = decodedMax;
  for (const [pattern, encoding] of [
    [base64Run, "base64"],
    [hexRun, "hex"],
  ] as const) {
    for (const [run] of text.matchAll(pattern)) {
      if (pieces.length >= piecesMax || budget <= 0) break;
      const encoded = encoding === "hex" ? run.replace(/[\s:]/g, "") : run;
      const decoded = Buffer.from(encoded.slice(0, budget * 2), encoding).toString("utf8");
      budget -= decoded.length;
      if (isText(decoded)) pieces.push(decoded);
    }
  }
  return pieces.join("\n").slice(0, decodedMax);
}

/** Whether decoded bytes read as words: no broken UTF-8, no control characters, a space and mostly letters. */
function isText(decoded: string): boolean {
  if (decoded.length < 6 || /[\ufffd\p{Cc}]/u.test(decoded.replace(/[\t\r\n]/g, ""))) return false;
  const letters = decoded.match(/[\p{L} ]/gu)?.length ?? 0;
  return letters / decoded.length > 0.7;
}

/** ROT13, when the text as it stands has no common English word and its rotation has several. */
function rotate(text: string): string | undefined {
  if (!/\b(?:gur|naq|ubj|gb|znxr|n|lbh)\b/.test(text)) return undefined;
  const rotated = text.replace(/[a-z]/g, (letter) => String.fromCharCode(((letter.charCodeAt(0) - 84) % 26) + 97));
  return commonWords(rotated) > commonWords(text) + 2 ? rotated : undefined;
}

function reverse(text: string): string | undefined {
  if (!/\b(?:eht|dna|woh|ekam|uoy|fo|rof|htiw)\b/.test(text)) return undefined;
  const reversed = Array.from(text).reverse().join("");
  return commonWords(reversed) > commonWords(text) ? reversed : undefined;
}

function commonWords(text: string): number {
  return text.match(/\b(?:the|and|how|to|a|of|for|you|with|in|is|make|do|me|can|i)\b/g)?.length ?? 0;
}
