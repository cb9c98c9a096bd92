import type { Engine } from "../chat/generation.ts";
import type { Message } from "../chat/message.ts";
import { PeerError } from "../errors.ts";
import type { Category } from "./policy.ts";

/** What a guard model says of a prompt, or of an answer. */
export interface GuardVerdict {
  readonly safe: boolean;
  /** Empty when safe; also when the model named none it knows. */
  readonly categories: readonly Category[];
}

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

/** Characters. A guard's context is short: what it judges is shown to it in pieces that overlap, so that no sentence is cut in all. */
const pieceLengthMax = 10_000;
const overlapLength = 1_000;
const piecesMax = 16;
/** Characters of a piece and of the conversation before it, whose end is kept. */
const shownLengthMax = 12_000;

/**
 * The prompts that ask Llama Guard 3 about each piece of `answer`, the conversation before it, or, where there is none
 * yet, of the whole conversation: its sender wrote all of it, whoever it is said to be of, so it is one message of the
 * user's. Without the beginning-of-text token. Throws `request_too_large`.
 */
export function guardPrompts(conversation: readonly Message[], answer: string | null): readonly string[] {
  if (answer === null) {
    const text = conversation.map((message) => message.content).join("\n\n");
    return piecesOf(defuse(text)).map((piece) => guardPrompt("User", `User: ${piece}`));
  }
  const turns = conversation.map(
    (message) => `${message.role === "assistant" ? "Agent" : "User"}: ${defuse(message.content)}\n\n`,
  );
  const before = turns.join("");
  return piecesOf(defuse(answer)).map((piece) =>
    guardPrompt("Agent", `${before}Agent: ${piece}`.slice(-shownLengthMax)),
  );
}

function piecesOf(text: string): readonly string[] {
  const step = pieceLengthMax - overlapLength;
  const count = Math.max(1, Math.ceil((text.length - overlapLength) / step));
  if (count > piecesMax) {
    const lengthMax = piecesMax * step + overlapLength;
    throw new PeerError(
      "request_too_large",
      `The guard model of this network would have to judge ${text.length} characters, and reads ${lengthMax} at most.`,
      { hint: "Send less at a time." },
    );
  }
  return Array.from({ length: count }, (_, index) => text.slice(index * step, index * step + pieceLengthMax));
}

/** Text of the conversation can't forge the template's marks, nor the beginning of another turn. */
function defuse(content: string): string {
  return content
    .replaceAll("<|", "< |")
    .replace(/<(?=BEGIN |END )/g, "< ")
    .replace(/^(User|Agent):/gm, "$1 :");
}

/** About the last turn of `turns`, which must be `speaker`'s. */
function guardPrompt(speaker: "User" | "Agent", turns: string): string {
  const list = hazards.map((hazard) => `${hazard.code}: ${hazard.name}.`).join("\n");
  return `<|start_header_id|>user<|end_header_id|>

Task: Check if there is unsafe content in '${speaker}' messages in conversation according to our safety policy with the below categories.

<BEGIN UNSAFE CONTENT CATEGORIES>
${list}
<END UNSAFE CONTENT CATEGORIES>

<BEGIN CONVERSATION>

${turns}

<END CONVERSATION>

Provide your safety assessment for ONLY THE LAST ${speaker} message in the above conversation:
 - First line must read 'safe' or 'unsafe'.
 - If unsafe, a second line must include a comma-separated list of violated categories. <|eot_id|><|start_header_id|>assistant<|end_header_id|>

`;
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

/**
 * Asks a guard model about `answer`, or, where there is none yet, about all of the conversation: safe where each piece is.
 * Throws what `engine.generate` throws, `request_too_large` and `upstream_failed`.
 */
export async function guardVerdict(
  engine: Engine,
  conversation: readonly Message[],
  answer: string | null,
  signal: AbortSignal,
): Promise<GuardVerdict> {
  for (const text of guardPrompts(conversation, answer)) {
    const verdict = await verdictOf(engine, text, signal);
    if (!verdict.safe) return verdict;
  }
  return { safe: true, categories: [] };
}

async function verdictOf(engine: Engine, text: string, signal: AbortSignal): Promise<GuardVerdict> {
  const events = engine.generate(
    {
      prompt: { kind: "text", text, hasMarkers: true },
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
