import { randomBytes } from "node:crypto";
import { Command } from "commander";
import * as z from "zod";
import type { Prompt } from "../src/chat/message.ts";
import { PeerError } from "../src/errors.ts";
import { planningBudget } from "../src/planning/budget.ts";
import type { Subtask } from "../src/planning/plan.ts";
import { planRequest } from "../src/planning/planner.ts";
import { anonymise } from "../src/privacy/anonymise.ts";
import { wholeNumber } from "../src/typed-number.ts";
import { action, type Session } from "./session.ts";
import { readTextFile } from "./text-file.ts";

const planOptions = z.object({
  file: z.string().optional(),
  privacy: z.enum(["standard", "strict"]).default("standard"),
  plan: z.enum(["auto", "single", "split"]).default("auto"),
  context: wholeNumber(128, 1_048_576).default(4_096),
});

/** `peerllm plan …`: what would be masked, how it would be split, and who would see what. Nothing leaves this machine. */
export function planCommand(): Command {
  return new Command("plan")
    .description("show how a prompt would be masked and split, unsent")
    .argument("[prompt...]", "the prompt")
    .option("--file <file>", "read the prompt from a file")
    .option("--privacy <level>", "standard or strict (default standard)")
    .option("--plan <mode>", "auto, single or split (default auto)")
    .option("--context <tokens>", "context of the model that would answer (default 4096)")
    .addHelpText(
      "after",
      '\nExamples:\n  peerllm plan "1. What is PeerLLM? 2. Who is paid?"\n  peerllm plan --file letter.txt --privacy strict --json',
    )
    .action(action(planOptions, plan));
}

async function plan(session: Session, options: z.output<typeof planOptions>, words: readonly string[]): Promise<void> {
  const text = await promptText(options.file, words);
  const configured = session.config.get("privacy.mask");
  const ownWords = Array.isArray(configured) ? configured : [];
  const asked = [{ role: "user" as const, content: text }];
  const { messages, masked } = anonymise(asked, { level: options.privacy, key: randomBytes(32), ownWords });
  const budget = planningBudget(options.context);
  const made = planRequest({ kind: "chat", messages }, { mode: options.plan, isBound: false, ...budget });
  const prompt = messages.map(({ content }) => content).join("\n");
  const whole = budget.countTokens(prompt);
  const subtasks = made.subtasks.map((subtask) => describeSubtask(subtask, whole, budget.countTokens));
  const largestShare = Math.max(...subtasks.map(({ share }) => share));
  const document = { plan: made.strategy, reason: made.reason, masked, prompt, largestShare, subtasks };
  session.printer.result(document, () => describe(document, session));
}

interface PlannedSubtask {
  readonly index: number;
  readonly dependsOn: readonly number[];
  readonly prompt: string;
  /** About how much of the masked prompt its host sees, 0..1. */
  readonly share: number;
}

/** What depends on other subtasks is shown with their answers left open. */
function describeSubtask(subtask: Subtask, wholeTokens: number, countTokens: (text: string) => number): PlannedSubtask {
  const answers = subtask.dependsOn.map((index) => `(the answer to part ${index + 1})`);
  const prompt = textOf(subtask.compose(answers));
  const share = Math.min(1, countTokens(prompt) / Math.max(1, wholeTokens));
  return { index: subtask.index, dependsOn: subtask.dependsOn, prompt, share };
}

function describe(
  document: { plan: string; reason: string; masked: object; prompt: string; subtasks: readonly PlannedSubtask[] },
  { printer }: Session,
): string {
  const masked = Object.entries(document.masked).map(([type, count]) => `${count} ${type}`);
  const isSplit = document.subtasks.length > 1;
  const parts = document.subtasks.map(({ index, prompt, share }) => {
    const who = isSplit ? `Part ${index + 1}, for a host of another owner` : "One host";
    return `${who}, sees ${Math.round(share * 100)}%:\n${prompt.replace(/^/gm, "  ")}`;
  });
  const facts = printer.facts([
    ["plan", document.plan],
    ["because", document.reason],
    ["masked", masked.length === 0 ? "nothing" : masked.join(", ")],
  ]);
  return [facts, ...parts].join("\n\n");
}

function textOf(prompt: Prompt): string {
  if (prompt.kind === "chat") return prompt.messages.map(({ content }) => content).join("\n");
  return prompt.kind === "text" ? prompt.text : "";
}

async function promptText(file: string | undefined, words: readonly string[]): Promise<string> {
  if (file === undefined && words.length > 0) return words.join(" ");
  if (file === undefined || words.length > 0) {
    throw new PeerError("usage_invalid", "Give either a prompt or --file.", {
      hint: 'peerllm plan "What is PeerLLM?"',
    });
  }
  return readTextFile(file);
}
