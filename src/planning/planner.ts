import type { Message, Prompt } from "../chat/message.ts";
import { chunkPlan } from "./chunks.ts";
import { itemPlan } from "./items.ts";
import { type Plan, singlePlan } from "./plan.ts";
import { questionPlan } from "./questions.ts";
import type { PlanOptions, Request } from "./request.ts";

/** A system text longer than this is not handed out with every subtask unless asked to split. */
const systemLengthMax = 800;
/** Words of a system text that ask for one answer of one shape. */
const wholeAnswer =
  /\b(?:json|xml|yaml|csv|html|markdown table|one (?:word|sentence|line|paragraph)|single (?:word|sentence|line|paragraph|answer)|only output|respond only|role-?play|in character|you are playing|count(?:ing)? (?:your|the) (?:words|answers)|step \d|first .{0,60} then )\b/i;

/**
 * Decides how a prompt is divided. Deterministic and pure; a prompt that would be worse for it stays whole, and
 * `reason` says why in a sentence. Several answers to one prompt, and several prompts, are a batch of such plans.
 */
export function planRequest(prompt: Prompt, options: PlanOptions): Plan {
  const whole = (reason: string) => singlePlan(prompt, reason);
  if (options.mode === "single") return whole("The request asks for an answer in one piece.");
  if (prompt.kind !== "chat") return whole("A text to be continued has no parts that stand alone.");
  const isAsked = options.mode === "split";
  const last = prompt.messages.at(-1);
  const context = prompt.messages.slice(0, -1);
  if (last?.role !== "user") return whole("The conversation does not end with a question.");
  if (options.isBound && !isAsked) return whole("A stop string ends the answer as one.");
  if (!isAsked && context.some((message) => message.role !== "system")) {
    return whole("The turns of a conversation lean on each other.");
  }
  if (!isAsked && !isShareable(context)) return whole("The system's instructions shape the answer as one.");
  const request: Request = { context, text: last.content.trim(), options };
  return (
    chunkPlan(request) ??
    questionPlan(request) ??
    itemPlan(request) ??
    whole("It is one question, or its parts lean on each other.")
  );
}

function isShareable(context: readonly Message[]): boolean {
  const text = context.map((message) => message.content).join("\n");
  return text.length <= systemLengthMax && !wholeAnswer.test(text);
}
