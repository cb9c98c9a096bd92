import { createHmac } from "node:crypto";
import type { AnswerRequest } from "../chat/answer.ts";
import type { AccountId } from "../ids.ts";
import { type MaskedPrompt, maskPrompt } from "../privacy/masked-prompt.ts";
import { emptyVault } from "../privacy/vault.ts";
import type { Ports } from "./ports.ts";

export interface Anonymised {
  readonly prompts: readonly MaskedPrompt[];
  /** Identifiers masked, counted by type. */
  readonly masked: Readonly<Record<string, number>>;
}

/**
 * Masks every prompt of a request, and its stop strings. A recogniser that fails fails the request: nothing unmasked is
 * ever sent on. What the consumer's own machine masked goes on as it came, with the placeholders that it made.
 */
export function anonymisePrompts(
  request: AnswerRequest,
  accountId: AccountId,
  { maskingKey, ownWords }: Pick<Ports, "maskingKey" | "ownWords">,
): Anonymised {
  const { stop } = request.sampling;
  if (request.isMasked) {
    return { prompts: request.prompts.map((prompt) => ({ prompt, stop, vault: emptyVault, counts: {} })), masked: {} };
  }
  const options = { level: request.privacy, key: tenantKeyOf(accountId, maskingKey), ownWords };
  const prompts = request.prompts.map((prompt) => maskPrompt(prompt, stop, options));
  const masked: Record<string, number> = {};
  for (const { counts } of prompts) {
    for (const [type, count] of Object.entries(counts)) masked[type] = (masked[type] ?? 0) + count;
  }
  return { prompts, masked };
}

/** An account's own key, derived from the network's. */
export function tenantKeyOf(accountId: AccountId, maskingKey: Uint8Array): Uint8Array {
  return createHmac("sha256", maskingKey).update(accountId).digest();
}
