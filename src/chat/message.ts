import { PeerError } from "../errors.ts";

export type Role = "system" | "user" | "assistant" | "tool";

/** One turn of a conversation, as text. */
export interface Message {
  readonly role: Role;
  readonly content: string;
}

/**
 * What a model is asked to continue: a conversation its own template renders, plain text, or exact token ids.
 * `hasMarkers` makes markers in the text special tokens; only for prompts of the network's own making.
 */
export type Prompt =
  | { readonly kind: "chat"; readonly messages: readonly Message[] }
  | { readonly kind: "text"; readonly text: string; readonly hasMarkers?: true }
  | { readonly kind: "tokens"; readonly tokens: readonly number[] };

/** The field of OpenAI's request that such a prompt comes in. */
export function promptField({ kind }: Prompt): "messages" | "prompt" {
  return kind === "chat" ? "messages" : "prompt";
}

/**
 * A prompt as messages, for those who read its text.
 * @throws PeerError `parameter_unsupported` for token ids: nothing can be checked or masked in them.
 */
export function messagesOf(prompt: Prompt): readonly Message[] {
  if (prompt.kind === "chat") return prompt.messages;
  if (prompt.kind === "text") return [{ role: "user", content: prompt.text }];
  throw new PeerError("parameter_unsupported", "A prompt of token ids can't be checked or masked. Send text.", {
    parameter: "prompt",
  });
}
