import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { addAbortSignal } from "node:stream";
import { text as readAll } from "node:stream/consumers";
import { Command } from "commander";
import * as z from "zod";
import { isAlive } from "../src/client/process-identity.ts";
import { readRunRecord } from "../src/client/run-record.ts";
import { PeerError } from "../src/errors.ts";
import { homeAt } from "../src/paths.ts";
import { proxyReadySchema, proxyStartSchema } from "../src/protocol/start.ts";
import { decimalNumber, wholeNumber } from "../src/typed-number.ts";
import { ensureAccess } from "./access.ts";
import { startDaemon } from "./daemon-process.ts";
import { action, type Session } from "./session.ts";
import { streamChat } from "./streamed-chat.ts";

/** `peerllm chat [PROMPT]`: asks the network, through an endpoint on this machine that masks identifiers first. */
export function chatCommand(): Command {
  return new Command("chat")
    .description("ask the network")
    .argument("[prompt...]", "what to ask; without it, what standard input says, or a conversation")
    .option("--model <ref>", "the model to ask")
    .option("--privacy <level>", "standard or strict")
    .option("--plan <plan>", "auto, single or split")
    .option("--max-tokens <n>", "most tokens to answer with")
    .option("--temperature <n>", "0 to 2")
    .option("--seed <n>", "for the same answer again")
    .option("--system <text>", "instructions for the whole conversation")
    .addHelpText(
      "after",
      '\nExamples:\n  peerllm chat "What is PeerLLM?"\n  peerllm chat --privacy strict < letter.txt\n  peerllm chat',
    )
    .action(action(chatOptions, chat));
}

const chatOptions = z.object({
  model: z.string().min(1).optional(),
  privacy: z.enum(["standard", "strict"]).optional(),
  plan: z.enum(["auto", "single", "split"]).optional(),
  maxTokens: wholeNumber(1, 1_000_000_000).optional(),
  temperature: decimalNumber(0, 2).optional(),
  seed: wholeNumber(0, 4_294_967_295).optional(),
  system: z.string().min(1).optional(),
});
type ChatOptions = z.output<typeof chatOptions>;

interface Turn {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

async function chat(session: Session, options: ChatOptions, args: readonly string[]): Promise<void> {
  const prompt = await promptOf(session, args);
  const endpoint = await openEndpoint(session);
  try {
    const turns: Turn[] = options.system === undefined ? [] : [{ role: "system", content: options.system }];
    if (prompt === null) return await converse(session, endpoint.baseUrl, options, turns);
    const body = { ...requestOf(options), messages: [...turns, { role: "user", content: prompt }] };
    const { onText, end } = shown(session);
    const answer = await streamChat(endpoint.baseUrl, body, onText, session.signal).finally(end);
    session.printer.result(answer, () => "");
  } finally {
    await endpoint.close();
  }
}

/** Null where a conversation is wanted. Throws `usage_invalid` where there can be none, and no prompt was given. */
async function promptOf({ isJson, mayAsk, signal }: Session, words: readonly string[]): Promise<string | null> {
  const isConversation = words.length === 0 && process.stdin.isTTY === true;
  if (isConversation && mayAsk && !isJson) return null;
  const prompt = isConversation ? "" : words.length > 0 ? words.join(" ") : await readInput(signal);
  if (prompt.trim() !== "") return prompt;
  throw new PeerError("usage_invalid", "There is no prompt to answer.", {
    hint: 'Write it after the command, as in peerllm chat "What is PeerLLM?", or send it on standard input.',
  });
}

async function readInput(signal: AbortSignal): Promise<string> {
  try {
    return await readAll(addAbortSignal(signal, process.stdin));
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** Ctrl-C ends the answer that runs, and what was said of it counts; where none runs, it ends the conversation. */
async function converse(session: Session, baseUrl: string, options: ChatOptions, turns: Turn[]): Promise<void> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  const over = new AbortController();
  const signal = AbortSignal.any([session.signal, over.signal]);
  let answering: AbortController | null = null;
  // The terminal is raw while it is read: what Ctrl-C means is for us to say.
  reader.on("SIGINT", () => (answering === null || answering.signal.aborted ? over : answering).abort());
  session.printer.note("An empty line or Ctrl-D ends the conversation, Ctrl-C the answer that runs.");
  try {
    for (;;) {
      // Ctrl-D and Ctrl-C reject the question: the conversation is over.
      const content = await reader.question("\n> ", { signal }).catch(() => null);
      session.signal.throwIfAborted();
      // After Ctrl-D the cursor still stands behind the question.
      if (content === null && !over.signal.aborted) session.printer.note("\n");
      if (content === null || content.trim() === "") return;
      turns.push({ role: "user", content });
      answering = new AbortController();
      const answer = await answerTurn(session, baseUrl, { ...requestOf(options), messages: turns }, answering.signal);
      answering = null;
      if (answer === "") turns.pop();
      else turns.push({ role: "assistant", content: answer });
    }
  } finally {
    reader.close();
  }
}

/** Shows one answer as it comes and returns it: where `stop` cuts it short, what came of it by then. */
async function answerTurn(session: Session, baseUrl: string, body: object, stop: AbortSignal): Promise<string> {
  const { onText, end, said } = shown(session);
  try {
    await streamChat(baseUrl, { ...body }, onText, AbortSignal.any([session.signal, stop]));
  } catch (error) {
    session.signal.throwIfAborted();
    if (!stop.aborted) throw error;
  } finally {
    end();
  }
  return said();
}

/** Shows an answer as it comes, and ends its line, also where it is cut short: what is said next is another's. */
function shown({ printer }: Session): { onText(text: string): void; end(): void; said(): string } {
  let said = "";
  return {
    onText(text) {
      said += text;
      printer.write(text);
    },
    end() {
      if (said !== "" && !said.endsWith("\n")) printer.write("\n");
    },
    said: () => said,
  };
}

function requestOf(options: ChatOptions): Record<string, unknown> {
  const { privacy, plan } = options;
  return {
    model: options.model ?? "default",
    ...(options.maxTokens === undefined ? {} : { max_tokens: options.maxTokens }),
    ...(options.temperature === undefined ? {} : { temperature: options.temperature }),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(privacy === undefined && plan === undefined ? {} : { peerllm: { privacy, plan } }),
  };
}

/** The home's own endpoint where one runs; else one, with a home of its own, that lives as long as this command. */
async function openEndpoint(session: Session): Promise<{ baseUrl: string; close(): Promise<void> }> {
  const record = await readRunRecord(session.home, "proxy");
  const running = record !== null && isAlive(record) ? proxyReadySchema.safeParse(record.ready) : undefined;
  if (running?.success === true && session.networkUrl === undefined) {
    return { baseUrl: running.data.baseUrl, close: async () => {} };
  }
  const { networkUrl, apiKey } = await ensureAccess(session);
  const words = session.config.get("privacy.mask");
  const maskedWords = Array.isArray(words) ? words : [];
  const options = proxyStartSchema.parse({ port: 0, networkUrl, apiKey, maskedWords });
  const root = await mkdtemp(join(tmpdir(), "peerllm-chat-"));
  const remove = () => rm(root, { recursive: true, force: true });
  try {
    const start = { home: homeAt(root), role: "proxy", options, mode: "attached" } as const;
    const proxy = await startDaemon(start, () => {}, session.signal);
    const { baseUrl } = proxyReadySchema.parse(proxy.ready);
    const close = async () => {
      proxy.stop();
      await proxy.exited;
      await remove();
    };
    return { baseUrl, close };
  } catch (error) {
    await remove();
    throw error;
  }
}
