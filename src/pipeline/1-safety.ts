import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import type { Prompt } from "../chat/message.ts";
import { messagesOf, promptField } from "../chat/message.ts";
import { PeerError } from "../errors.ts";
import type { Category } from "../safety/policy.ts";
import { actionWithoutGuard, flaggedCategories, triageMessages } from "../safety/triage.ts";
import type { Ports } from "./ports.ts";

/**
 * Refuses a prompt that the network's policy blocks, before anyone else sees it. What triage is unsure of the guard
 * model decides, where the operator runs one; else the policy says what being unsure means. Throws `content_refused`, and
 * what the guard throws.
 */
export async function checkSafety(
  prompts: readonly Prompt[],
  ports: Pick<Ports, "policy" | "guard">,
  signal: AbortSignal,
): Promise<void> {
  const policy = ports.policy();
  for (const [index, prompt] of prompts.entries()) {
    if (index > 0) await turnOfTheLoop();
    signal.throwIfAborted();
    const messages = messagesOf(prompt);
    const triage = triageMessages(messages, policy);
    if (triage.action === "escalate" && ports.guard !== null) {
      const verdict = await ports.guard(messages, null, signal);
      if (!verdict.safe) throw refusal(verdict.categories, promptField(prompt));
    } else if (actionWithoutGuard(triage.action, policy) === "block") {
      throw refusal(flaggedCategories(triage), promptField(prompt));
    }
  }
}

function refusal(categories: readonly Category[], parameter: string): PeerError {
  return new PeerError(
    "content_refused",
    `This network's usage policy refuses the prompt (${categories.join(", ")}). It was sent to no host and costs nothing.`,
    { parameter },
  );
}
