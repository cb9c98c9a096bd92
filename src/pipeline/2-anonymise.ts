import { createHmac } from "node:crypto";
import type { AnswerRequest } from "../chat/answer.ts";
import type { Prompt } from "../chat/message.ts";
import type { AccountId } from "../ids.ts";
import { anonymise } from "../privacy/anonymise.ts";
import type { Vault } from "../privacy/vault.ts";
import { messagesOf, promptWith } from "./admission.ts";

/** A prompt with its identifiers replaced, and the vault that gives them back. The vault lives as long as the request. */
export interface MaskedPrompt {
  readonly prompt: Prompt;
  readonly vault: Vault;
}

export interface Anonymised {
  readonly prompts: readonly MaskedPrompt[];
  /** Identifiers masked, counted by type. */
  readonly masked: Readonly<Record<string, number>>;
}

/**
 * Masks every prompt of a request. A recogniser that fails fails the request: nothing unmasked is ever sent on.
 * Placeholders that the consumer's own machine made are left alone.
 */
export function anonymisePrompts(request: AnswerRequest, accountId: AccountId, maskingKey: Uint8Array): Anonymised {
  const key = tenantKeyOf(accountId, maskingKey);
  const masked: Record<string, number> = {};
  const prompts = request.prompts.map((prompt) => {
    const result = anonymise(messagesOf(prompt), { level: request.privacy, key, ownWords: [] });
    for (const [type, count] of Object.entries(result.masked)) masked[type] = (masked[type] ?? 0) + count;
    return { prompt: promptWith(prompt, result.messages), vault: result.vault };
  });
  return { prompts, masked };
}

/** An account's own key, derived from the network's. */
export function tenantKeyOf(accountId: AccountId, maskingKey: Uint8Array): Uint8Array {
  return createHmac("sha256", maskingKey).update(accountId).digest();
}
