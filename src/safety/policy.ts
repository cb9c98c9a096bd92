import * as z from "zod";
import { PeerError } from "../errors.ts";

/** What the network judges text by: OpenAI's moderation categories, then two of the network's own. */
export const categories = [
  "hate",
  "harassment",
  "self-harm",
  "sexual",
  "sexual/minors",
  "violence",
  "illicit",
  "illicit/violent",
  "cyber-abuse",
  "fraud",
] as const;

export type Category = (typeof categories)[number];

export type Action = "block" | "escalate" | "allow";

export interface CategoryPolicy {
  /** The most that may happen: `block` refuses, `escalate` at most asks the guard, `allow` ignores the category. */
  readonly action: Action;
  /** Score in 0..1 from which the guard is asked. */
  readonly escalateAt: number;
  /** Score in 0..1 from which text is refused without asking; at least `escalateAt`. */
  readonly blockAt: number;
}

/** The usage policy of a network: plain data, kept as JSON. */
export interface Policy {
  readonly version: 1;
  /** What escalation means where no guard model runs. */
  readonly withoutGuard: "allow" | "block";
  readonly categories: Readonly<Record<Category, CategoryPolicy>>;
}

const block: CategoryPolicy = { action: "block", escalateAt: 0.5, blockAt: 0.97 };
const escalate: CategoryPolicy = { action: "escalate", escalateAt: 0.5, blockAt: 1 };

/** What a network starts with. The thresholds are chosen on held-out sources: see MODEL_CARD.md. */
export const defaultPolicy: Policy = {
  version: 1,
  withoutGuard: "allow",
  categories: {
    hate: block,
    harassment: escalate,
    "self-harm": escalate,
    sexual: escalate,
    "sexual/minors": { action: "block", escalateAt: 0.3, blockAt: 0.9 },
    violence: block,
    illicit: block,
    "illicit/violent": block,
    "cyber-abuse": block,
    fraud: block,
  },
};

const score = z.number().min(0).max(1);
const categorySchema = z
  .strictObject({ action: z.enum(["block", "escalate", "allow"]), escalateAt: score, blockAt: score })
  .refine((category) => category.blockAt >= category.escalateAt, "blockAt must be at least escalateAt");
const policySchema = z.strictObject({
  version: z.literal(1),
  withoutGuard: z.enum(["allow", "block"]),
  categories: z.record(z.enum(categories), categorySchema),
});

/** Reads a policy from JSON text; every category must be there. Throws `config_invalid`, naming the field. */
export function parsePolicy(json: string): Policy {
  const parsed = policySchema.safeParse(parseJson(json));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new PeerError("config_invalid", `The policy is not valid at "${issue?.path.join(".")}": ${issue?.message}.`, {
    hint: 'Start from the output of "peerllm network policy show --json".',
  });
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new PeerError("config_invalid", "The policy is not JSON.", { cause });
  }
}
