import type { Engine } from "../chat/generation.ts";
import type { Message } from "../chat/message.ts";
import { PeerError } from "../errors.ts";
import type { Category } from "./policy.ts";

/** What a guard model says of the last turn of a conversation. */
export interface GuardVerdict {
  readonly safe: boolean;
  /** Empty when safe; also when the model named none it knows. */
  readonly categories: readonly Category[];
}

/** Whose turn is judged: what the user asks, or what the model answers. */
export type GuardedRole = "user" | "assistant";

/** Llama Guard 3's hazards. Source: Meta, "Llama Guard 3" model card and prompt format. */
const hazards = [
  { code: "S1", name: "Violent Crimes", categories: ["violence", "illicit/violent"] },
  { code: "S2", name: "Non-Violent Crimes", categories: ["illicit"] },
  { code: "S3", name: "Sex-Related Crimes", categories: ["sexual", "illicit/violent"] },
  { code: "S4", name: "Child Sexual Exploitation", categories: ["sexual/minors"] },
  { code: "S5", name: "Defamation", categories: ["harassment"] },
  { code: "S6", name: "Specialized Advice", categories: [] },
  { code: "S7", name: "Privacy", categories: ["illicit"] },
  { code: "S8", name: "Intellectual Property", categories: [] },
  { code: "S9", name: "Indiscriminate Weapons", categories: ["illicit/violent"] },
  { code: "S10", name: "Hate", categories: ["hate"] },
  { code: "S11", name: "Suicide & Self-Harm", categories: ["self-harm"] },
  { code: "S12", name: "Sexual Content", categories: ["sexual"] },
  { code: "S13", name: "Elections", categories: ["fraud"] },
  { code: "S14", name: "Code Interpreter Abuse", categories: ["cyber-abuse"] },
] as const satisfies readonly { code: string; name: string; categories: readonly Category[] }[];

/** Most characters of conversation shown to the guard, its end kept: a guard's context is short. */
const conversationLengthMax = 12_000;

/**
 * The prompt that asks Llama Guard 3 about the last turn, which must be `role`'s, without the beginning-of-text token. Text of the conversation can't forge
 * the template's marks: `<|` and `<END`, `<BEGIN` in it are broken up.
 */
export function guardPrompt(messages: readonly Message[], role: GuardedRole): string {
  const speaker = role === "user" ? "User" : "Agent";
  const turns = messages
    .filter((message) => message.role === "user" || message.role === "assistant")
    .map((message) => `${message.role === "user" ? "User" : "Agent"}: ${defuse(message.content)}`);
  const list = hazards.map((hazard) => `${hazard.code}: ${hazard.name}.`).join("\n");
  return `<|start_header_id|>user<|end_header_id|>

Task: Check if there is unsafe content in '${speaker}' messages in conversation according to our safety policy with the below categories.

<BEGIN UNSAFE CONTENT CATEGORIES>
${list}
<END UNSAFE CONTENT CATEGORIES>

<BEGIN CONVERSATION>

${turns.join("\n\n").slice(-conversationLengthMax)}

<END CONVERSATION>

Provide your safety assessment for ONLY THE LAST ${speaker} message in the above conversation:
 - First line must read 'safe' or 'unsafe'.
 - If unsafe, a second line must include a comma-separated list of violated categories. <|eot_id|><|start_header_id|>assistant<|end_header_id|>

`;
}

function defuse(content: string): string {
  return content.replaceAll("<|", "< |").replace(/<(?=BEGIN |END )/g, "< ");
}

/** Reads "safe", or "unsafe" and a line of codes. Throws `upstream_failed` for anything else: a guard that rambles fails closed. */
export function parseGuardOutput(output: string): GuardVerdict {
  const [verdict, codes] = output
    .trim()
    .toLowerCase()
    .split(/\s*\n\s*/);
  if (verdict === "safe") return { safe: true, categories: [] };
  if (verdict !== "unsafe") {
    throw new PeerError("upstream_failed", "The guard model answered neither 'safe' nor 'unsafe'.", {
      hint: "Is it a Llama Guard 3 model? Name one with --guard-model.",
    });
  }
  const named = new Set((codes ?? "").toUpperCase().match(/S\d{1,2}/g) ?? []);
  const found = hazards.filter((hazard) => named.has(hazard.code)).flatMap((hazard) => [...hazard.categories]);
  return { safe: false, categories: [...new Set<Category>(found)] };
}

/** Asks a guard model about the last turn. Throws what `engine.generate` throws, and `upstream_failed`. */
export async function guardVerdict(
  engine: Engine,
  messages: readonly Message[],
  role: GuardedRole,
  signal: AbortSignal,
): Promise<GuardVerdict> {
  const events = engine.generate(
    {
      prompt: { kind: "text", text: guardPrompt(messages, role), hasMarkers: true },
      resumedTokens: [],
      sampling: { temperature: 0, topP: 1, seed: 0, maxTokens: 24, stop: ["<|eot_id|>"] },
      cacheKey: "guard",
    },
    signal,
  );
  let output = "";
  for await (const event of events) if (event.kind === "delta") output += event.text;
  return parseGuardOutput(output);
}
