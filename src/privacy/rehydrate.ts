import { placeholderNouns } from "./entity.ts";
import { createMarkupScanner, followOf } from "./markup.ts";
import type { Vault, VaultEntry } from "./vault.ts";

/** Puts values back into an answer as it streams. What has been pushed comes out in order, but for a tail that may yet become a placeholder. */
export interface Rehydrator {
  /** The text that can be released now. */
  push(text: string): string;
  /** The rest, once the answer has ended. */
  flush(): string;
}

const nouns = [...new Set(Object.values(placeholderNouns))];
const separator = String.raw`(?:\\{0,2}_|&#95;|&lowbar;|[ -])`;
/** A noun and an index, with what models make of the underscore; brackets are looked at separately. */
const core = new RegExp(`(${nouns.join("|")})(?: ?${separator} ?|)(\\d{3,6})`, "gi");
const opening = /(?:\\{0,2}\[ ?|&#91; ?|&#x5b; ?|&lbrack; ?|&lsqb; ?|<|&lt;|【|\{)$/i;
const closing = /^(?: ?\\{0,2}\]| ?&#93;| ?&#x5d;| ?&rbrack;| ?&rsqb;|>|&gt;|】|\})/i;
const pairs: Readonly<Record<string, string>> = { "<": ">", "&lt;": "&gt;", "【": "】", "{": "}" };

/** The end of a text that may be the beginning of a placeholder. */
const unfinished = unfinishedPattern();
const unfinishedLengthMax = 48;

/**
 * Tolerates case, lost brackets, `\_`, spaces and HTML escapes. Leaves an index it does not know, and whatever stands
 * where a value must not be written (see `markup.ts`). The outcome does not depend on how the text is cut into pushes.
 */
export function createRehydrator(vault: Vault): Rehydrator {
  if (vault.entries.size === 0) return { push: (text) => text, flush: () => "" };
  const scanner = createMarkupScanner();
  let pending = "";
  /** The last character already released of what the model wrote, for word boundaries. */
  let before = "";

  function drain(final: boolean): string {
    let released = "";
    const release = (text: string, original: string) => {
      scanner.feed(text);
      released += text;
      before = original.slice(-1) || before;
    };
    for (;;) {
      const held = final ? pending.length : heldFrom(pending, before);
      const found = nextPlaceholder(pending, before, vault);
      if (found === undefined || found.start >= held) {
        release(pending.slice(0, held), pending.slice(0, held));
        pending = pending.slice(held);
        return released;
      }
      const undecided = !final && found.end > held;
      const follow = undecided ? "undecided" : followOf(pending.slice(found.end), isUrl(found.entry), final);
      release(pending.slice(0, found.start), pending.slice(0, found.start));
      pending = pending.slice(found.start);
      if (follow === "undecided") return released;
      const written = pending.slice(0, found.end - found.start);
      const open = follow === "clear" && !scanner.isProtected();
      release(open ? found.entry.value : written, written);
      pending = pending.slice(written.length);
    }
  }

  return {
    push(text) {
      pending += text;
      return drain(false);
    },
    flush: () => drain(true),
  };
}

function isUrl(entry: VaultEntry): boolean {
  return entry.type === "URL" || entry.value.includes("://") || /^www\./i.test(entry.value);
}

interface Found {
  readonly start: number;
  readonly end: number;
  readonly entry: VaultEntry;
}

/** The first placeholder of the vault in `text`, with the brackets that belong to it. */
function nextPlaceholder(text: string, before: string, vault: Vault): Found | undefined {
  for (const match of text.matchAll(core)) {
    const entry = vault.entries.get(Number(match[2]));
    if (entry === undefined || match[2]?.startsWith("0")) continue;
    const found = bracketed(text, match, entry) ?? bare(text, match, before, entry);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** In brackets of any kind, both or one of them. */
function bracketed(text: string, match: RegExpExecArray, entry: VaultEntry): Found | undefined {
  const end = match.index + match[0].length;
  const left = opening.exec(text.slice(Math.max(0, match.index - 10), match.index))?.[0] ?? "";
  const right = closing.exec(text.slice(end, end + 10))?.[0] ?? "";
  const wanted = pairs[left.toLowerCase()];
  if (left === "" || /^\d/.test(text.slice(end))) return undefined;
  if (wanted !== undefined) {
    return right.toLowerCase() === wanted
      ? { start: match.index - left.length, end: end + right.length, entry }
      : undefined;
  }
  if (right === "" || Object.values(pairs).includes(right)) {
    return isBareEnd(text, end) ? { start: match.index - left.length, end, entry } : undefined;
  }
  const escaped = left.startsWith("\\") && !right.trim().startsWith("\\");
  const width = escaped ? left.replace(/^\\+/, "").length : left.length;
  return { start: match.index - width, end: end + right.length, entry };
}

/** Without brackets, or with the closing one alone: noun as the vault has it, set off from other words. */
function bare(text: string, match: RegExpExecArray, before: string, entry: VaultEntry): Found | undefined {
  const noun = placeholderNouns[entry.type];
  const end = match.index + match[0].length;
  const spaced = / |\d/.test(match[0].slice(noun.length, noun.length + 1));
  if (match[1]?.toUpperCase() !== noun || (spaced && match[1] !== noun)) return undefined;
  const left = match.index === 0 ? before : text.charAt(match.index - 1);
  if (/[A-Za-z0-9_]/.test(left) || !isBareEnd(text, end)) return undefined;
  const right = /^\\{0,2}\]/.exec(text.slice(end))?.[0] ?? "";
  return { start: match.index, end: end + right.length, entry };
}

function isBareEnd(text: string, end: number): boolean {
  return !/[A-Za-z0-9_]/.test(text.charAt(end));
}

/** Offset from which `text` must be held back, its length if nothing must. */
function heldFrom(text: string, before: string): number {
  const from = Math.max(0, text.length - unfinishedLengthMax);
  const tail = text.slice(from);
  for (let start = 0; ; ) {
    const at = tail.slice(start).search(unfinished);
    if (at === -1) return text.length;
    const index = start + at;
    const left = from + index === 0 ? before : text.charAt(from + index - 1);
    if (!/[A-Za-z0-9_]/.test(left) || !/[A-Za-z0-9_]/.test(tail.charAt(index))) return from + index;
    start = index + 1;
  }
}

function unfinishedPattern(): RegExp {
  const open = String.raw`(?:\\{0,2}\[ ?|&(?:#9?1?|#x5?b?|l|lb[rack]{0,4}|ls?q?b?|lt?);? ?|<|【|\{)`;
  const partialSeparator = String.raw`(?: ?(?:\\{0,2}_?|&(?:#9?5?|l[owbar]{0,5})?;?|[ -])? ?)`;
  const close = String.raw`(?: ?\\{0,2}| ?&[#a-z0-9]{0,6};?)?`;
  const partialNouns = nouns.map((noun) => {
    const steps = [...noun]
      .slice(1)
      .reduceRight((inner, char) => `(?:${char}${inner})?`, `(?:${partialSeparator}(?:\\d{1,6}${close})?)?`);
    return noun.charAt(0) + steps;
  });
  return new RegExp(
    String.raw`(?:${open}(?:${partialNouns.join("|")})?|\\{1,2}|&|(?:${partialNouns.join("|")}))$`,
    "i",
  );
}
