import { messagesOf, type Prompt } from "../chat/message.ts";
import { stopLengthMax } from "../chat/stop.ts";
import { type AnonymiseOptions, anonymiseTexts, type MaskedCounts } from "./anonymise.ts";
import { placeholderOf, type Vault } from "./vault.ts";

/** A prompt with its identifiers replaced, and the vault that gives them back. The vault lives as long as the request. */
export interface MaskedPrompt {
  /** The very prompt that was given, where nothing in it is masked. */
  readonly prompt: Prompt;
  /**
   * The stop strings as hosts may be told them, in order; null for one that could cut a placeholder in two, or that its
   * placeholders made longer than a stop string may be.
   */
  readonly stop: readonly (string | null)[];
  readonly vault: Vault;
  /** Values masked, by type. */
  readonly counts: MaskedCounts;
}

/**
 * Masks a prompt and the stop strings that come with it, which may name somebody too. They are scanned behind the
 * conversation, so that they share its vault and leave its numbering alone.
 *
 * Stop strings speak of the text as its reader sees it, so whoever puts identifiers back applies them there. Hosts are
 * told what they can be told only to stop early.
 * @throws PeerError `parameter_unsupported` for token ids, in which nothing can be found; `recogniser_failed`.
 */
export function maskPrompt(prompt: Prompt, stop: readonly string[], options: AnonymiseOptions): MaskedPrompt {
  const texts = messagesOf(prompt).map(({ content }) => content);
  const result = anonymiseTexts([...texts, ...stop], openingOf(prompt), options);
  const isChanged = texts.some((text, index) => text !== result.texts[index]);
  const sent = result.texts.slice(texts.length);
  return {
    prompt: isChanged ? promptOf(prompt, result.texts) : prompt,
    stop: stop.map((own, index) => tellable(sent[index], cutsPlaceholder(own, result.vault))),
    vault: result.vault,
    counts: result.masked,
  };
}

function tellable(stop: string | undefined, cuts: boolean): string | null {
  return stop === undefined || cuts || stop.length > stopLengthMax ? null : stop;
}

/** The same for every turn of a conversation. */
function openingOf(prompt: Prompt): string {
  const messages = messagesOf(prompt);
  return (messages.find(({ role }) => role === "user") ?? messages[0])?.content ?? "";
}

function promptOf(prompt: Prompt, texts: readonly string[]): Prompt {
  if (prompt.kind !== "chat") return { kind: "text", text: texts[0] ?? "" };
  return {
    kind: "chat",
    messages: prompt.messages.map((message, index) => ({ ...message, content: texts[index] ?? "" })),
  };
}

/** Whether a host that stops at `stop` could do so within a placeholder, or at where one meets other text. */
function cutsPlaceholder(stop: string, { entries }: Vault): boolean {
  const lower = stop.toLowerCase();
  return [...entries.values()].some((entry) => {
    const placeholder = placeholderOf(entry).toLowerCase();
    if (placeholder.includes(lower)) return true;
    for (let length = 1; length < Math.min(lower.length, placeholder.length); length++) {
      if (placeholder.startsWith(lower.slice(-length)) || placeholder.endsWith(lower.slice(0, length))) return true;
    }
    return false;
  });
}
