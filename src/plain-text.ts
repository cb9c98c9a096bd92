/*
 * Text that others wrote must not rule the terminal it is shown on. What can: control characters, C0 and C1, which
 * begin the sequences that clear screens, set titles and fill the clipboard (ECMA-48), and the characters that show
 * what stands around them in another order (UAX #9: embeddings, overrides and isolates).
 */
const ruling = /\r\n|[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;
const rulingRun = new RegExp(`(?:${ruling.source})+`, "gu");
const harmless: ReadonlySet<string> = new Set(["\t", "\n", "\r\n"]);

/** `text` without what could rule a terminal; its line breaks and tabs stay. Pieces of a text may come one by one. */
export function plainText(text: string): string {
  return text.replace(ruling, (found) => (harmless.has(found) ? found : ""));
}

/** The same in one line. */
export function oneLine(text: string): string {
  return text.replace(rulingRun, " ").trim();
}

/** One line of JSON that says the same to whoever parses it, and rules no terminal. */
export function plainJson(document: unknown): string {
  return JSON.stringify(document).replace(
    ruling,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
