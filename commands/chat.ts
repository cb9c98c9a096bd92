import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
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
import { type ChatAnswer, streamChat } from "./streamed-chat.ts";

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
  const isConversation = args.length === 0 && process.stdin.isTTY === true;
  if (isConversation && !session.mayAsk) throw new PeerError("usage_invalid", "There is no prompt to answer.");
  const prompt = isConversation ? undefined : args.length > 0 ? args.join(" ") : await readAll(process.stdin);
  if (prompt?.trim() === "") throw new PeerError("usage_invalid", "There is no prompt to answer.");
  const endpoint = await openEndpoint(session);
  try {
    const turns: Turn[] = options.system === undefined ? [] : [{ role: "system", content: options.system }];
    if (prompt === undefined) await converse(session, endpoint.baseUrl, options, turns);
    else {
      const answer = await ask(session, endpoint.baseUrl, options, [...turns, { role: "user", content: prompt }]);
      session.printer.note("");
      if (session.isJson) session.printer.result(answer, () => "");
    }
  } finally {
    await endpoint.close();
  }
}

async function converse(session: Session, baseUrl: string, options: ChatOptions, turns: Turn[]): Promise<void> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  session.printer.note("An empty line or Ctrl-D ends the conversation.");
  try {
    while (!session.signal.aborted) {
      // Ctrl-D and Ctrl-C reject the question: the conversation is over.
      const content = await reader.question("\n> ", { signal: session.signal }).catch(() => "");
      if (content.trim() === "") return;
      turns.push({ role: "user", content });
      const { answer } = await ask(session, baseUrl, options, turns);
      turns.push({ role: "assistant", content: answer });
      session.printer.note("");
    }
  } finally {
    reader.close();
  }
}

/** Streams one answer to the screen and returns it. */
async function ask(session: Session, baseUrl: string, options: ChatOptions, turns: Turn[]): Promise<ChatAnswer> {
  const body = { ...requestOf(options), messages: turns };
  return streamChat(baseUrl, body, (text) => session.printer.write(text), session.signal);
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
