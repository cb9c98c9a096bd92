import { existsSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Command } from "commander";
import { z } from "zod";
import { callDaemon, streamDaemon } from "../src/client/control.ts";
import { createGateway } from "../src/client/gateway.ts";
import { PeerError } from "../src/errors.ts";
import { type ReceiptDocument, routes } from "../src/protocol/api.ts";
import { hostMethods, networkMethods } from "../src/protocol/control-methods.ts";
import { streamChat } from "./chat.ts";
import { closeDemoNetwork, type DemoNetwork, startDemoNetwork } from "./demo-network.ts";
import { describeReceipt } from "./receipts.ts";
import { action, type Session } from "./session.ts";
import { oneLine } from "./table.ts";

/** `peerllm demo`: the whole network on this machine, one conversation through it, and who was paid. */
export function demoCommand(): Command {
  const demo = new Command("demo")
    .description("run a whole network on this machine and ask it something")
    .option("--keep", "leave it running, and say how to use it")
    .addHelpText("after", "\nExamples:\n  peerllm demo\n  peerllm demo --json\n  peerllm demo --keep")
    .action(action(z.object({ keep: z.boolean().default(false) }), run));
  demo.addCommand(
    new Command("down")
      .description("stop a demo that was kept running")
      .argument("<folder>", "its folder, as `demo --keep` printed it")
      .action(action(z.object({}), down)),
  );
  return demo;
}

const folderPrefix = "peerllm-demo-";

const questions = [
  "1. What is PeerLLM?",
  "2. How much does a host earn?",
  "3. Write an e-mail to Maria Lopez at maria.lopez@example.org saying that the parcel has arrived.",
].join("\n");

interface DemoResult {
  readonly answer: string;
  readonly usage: { readonly promptTokens: number; readonly completionTokens: number };
  readonly hosts: readonly {
    readonly id: string;
    readonly owner: string;
    readonly promptTokens: number;
    readonly completionTokens: number;
  }[];
  /** Decimal dollars. */
  readonly ledger: { readonly consumerDebit: string; readonly hostCredit: string; readonly networkCredit: string };
}

async function run(session: Session, options: { keep: boolean }): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), folderPrefix));
  let isKept = false;
  try {
    session.printer.note("A whole network on this machine: every part a process of its own.\n");
    const network = await startNetwork(session, root, options.keep);
    const result = await converse(session, network);
    isKept = options.keep;
    session.printer.result(options.keep ? { ...result, keep: keepFacts(network) } : result, () =>
      options.keep ? describeKeep(network) : "",
    );
  } finally {
    if (!isKept) await closeDemoNetwork(root);
  }
}

async function startNetwork(session: Session, root: string, isKept: boolean): Promise<DemoNetwork> {
  const progress = session.printer.progress();
  const startedAt = performance.now();
  try {
    progress.update({ step: "Starting the network" });
    const onStep = (name: string, sentence: string) => {
      progress.end();
      const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
      session.printer.note(`${seconds.padStart(5)} s  ${name.padEnd(12)}  ${sentence}`);
    };
    return await startDemoNetwork(root, isKept ? "background" : "attached", onStep, session.signal);
  } finally {
    progress.end();
  }
}

/** Asks, and afterwards gathers what it did: from the answer, the receipt, the hosts and the books. */
async function converse(session: Session, network: DemoNetwork): Promise<DemoResult> {
  const { printer, signal } = session;
  const watchers = network.hosts.map(({ home }) => watchSubtasks(home, signal));
  printer.note(`\nDan asks through his endpoint:\n\n${indent(questions)}\n\nand is answered:\n`);
  const endpoint = createGateway({ url: network.baseUrl, apiKey: null });
  const messages = [{ role: "user", content: questions }];
  const request = { model: network.model, messages, temperature: 0, max_tokens: 400 };
  const answer = await streamChat(endpoint, request, (text) => printer.write(text), signal);
  printer.write("\n");
  const { receipt: receiptId, masked } = summarySchema.parse(answer.peerllm);
  const receipt = await network.account.call(routes["receipt-show"], {}, signal, { receipt: receiptId });
  const seen = await Promise.all(
    network.hosts.map(({ hostId }, index) => watchers[index]?.prompts(partsOf(receipt, hostId).length) ?? []),
  );
  if (!session.isJson) {
    const audit = await callDaemon(network.operator, "network", networkMethods.audit, {}, signal);
    // Identifiers were masked on Dan's machine, so only his endpoint knows how many there were.
    printer.write(describeSeen(network, receipt, seen, printer.width));
    printer.write(`\nThe receipt\n\n${indent(describeReceipt({ ...receipt, masked }, printer))}\n`);
    printer.write(describeLedger(receipt, audit.balanced));
  }
  return resultOf(answer.answer, receipt);
}

/** The answer's `peerllm` field, as the consumer's endpoint fills it in. */
const summarySchema = z.looseObject({ receipt: z.string(), masked: z.record(z.string(), z.int()) });

function partsOf(receipt: ReceiptDocument, hostId: string): ReceiptDocument["hosts"] {
  return receipt.hosts.filter((part) => part.id === hostId);
}

const showMsMax = 10_000;

/** The prompts that reach a host from now on, as its own operator may see them. */
function watchSubtasks(home: DemoNetwork["operator"], signal: AbortSignal) {
  const prompts: string[] = [];
  const stop = new AbortController();
  let limit = Number.POSITIVE_INFINITY;
  const watching = (async () => {
    const watched = AbortSignal.any([signal, stop.signal]);
    for await (const event of streamDaemon(home, "host", hostMethods.subtasks, {}, watched)) {
      if (event.kind === "begin" && event.prompt !== undefined) prompts.push(event.prompt);
      if (prompts.length >= limit) return;
    }
  })().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  watching.catch(() => {});
  return {
    /** Those of the `count` subtasks it is known to have had; a host may still be putting tokens into words. */
    async prompts(count: number): Promise<readonly string[]> {
      limit = count;
      if (prompts.length >= limit) stop.abort();
      const late = setTimeout(() => stop.abort(), showMsMax);
      await watching.finally(() => clearTimeout(late));
      return prompts;
    },
  };
}

function describeSeen(
  network: DemoNetwork,
  receipt: ReceiptDocument,
  seen: readonly (readonly string[])[],
  width: number,
): string {
  const lines = network.hosts.flatMap((host, index) => {
    const parts = partsOf(receipt, host.hostId);
    const tokensIn = parts.reduce((sum, part) => sum + part.promptTokens, 0);
    const tokensOut = parts.reduce((sum, part) => sum + part.completionTokens, 0);
    const prompts = seen[index] ?? [];
    const title = `  ${host.ownerName}'s host: ${tokensIn} tokens in, ${tokensOut} out`;
    return [title, ...(prompts.length === 0 ? ["nothing"] : prompts).map((prompt) => wrap(prompt, width, "    "))];
  });
  return `\nWhat each host saw\n\n${lines.join("\n")}\n`;
}

/** Long words stay whole. */
function wrap(text: string, width: number, indentation: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of oneLine(text).split(/\s+/)) {
    if (line !== "" && indentation.length + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => `${indentation}${each}`).join("\n");
}

function describeLedger(receipt: ReceiptDocument, isBalanced: boolean): string {
  const { consumerDebit, hostCredit, producerCredit, networkCredit } = receipt.ledger;
  const lines = [
    `Dan paid  $${consumerDebit}`,
    `hosts     $${hostCredit}`,
    `producer  $${producerCredit}`,
    `network   $${networkCredit}`,
    isBalanced ? "The books balance." : "The books DON'T balance.",
  ];
  return `\nThe ledger\n\n${indent(lines.join("\n"))}\n`;
}

function resultOf(answer: string, receipt: ReceiptDocument): DemoResult {
  const { promptTokens, completionTokens } = receipt.usage;
  const { consumerDebit, hostCredit, networkCredit } = receipt.ledger;
  return {
    answer,
    usage: { promptTokens, completionTokens },
    hosts: hostsOf(receipt),
    ledger: { consumerDebit, hostCredit, networkCredit },
  };
}

/** One row a host, however many parts of the request it had. */
function hostsOf(receipt: ReceiptDocument): DemoResult["hosts"] {
  const rows = new Map<string, DemoResult["hosts"][number]>();
  for (const { id, owner, promptTokens, completionTokens } of receipt.hosts) {
    const before = rows.get(id);
    rows.set(id, {
      id,
      owner,
      promptTokens: promptTokens + (before?.promptTokens ?? 0),
      completionTokens: completionTokens + (before?.completionTokens ?? 0),
    });
  }
  return [...rows.values()];
}

function keepFacts(network: DemoNetwork) {
  return { folder: network.root, url: network.url, baseUrl: network.baseUrl, model: network.model };
}

function describeKeep(network: DemoNetwork): string {
  const { baseUrl, model, root } = network;
  return `
It keeps running. Ask it with curl:

  curl ${baseUrl}/chat/completions -H 'content-type: application/json' \\
    -d '{"model":"${model}","messages":[{"role":"user","content":"Hello"}]}'

or with the OpenAI SDK:

  import OpenAI from "openai";
  const client = new OpenAI({ baseURL: "${baseUrl}", apiKey: "any" });
  const answer = await client.chat.completions.create({
    model: "${model}",
    messages: [{ role: "user", content: "Hello" }],
  });

Look at it:  peerllm network status --home ${network.operator.root}
Stop it:     peerllm demo down ${root}
`;
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}

async function down(session: Session, _: unknown, [folder = ""]: readonly string[]): Promise<void> {
  if (!basename(folder).startsWith(folderPrefix) || !existsSync(join(folder, "operator"))) {
    throw new PeerError("usage_invalid", `"${folder}" is not the folder of a demo.`);
  }
  await closeDemoNetwork(folder);
  session.printer.result({ folder, stopped: true }, () => "The demo is down, and its folder removed.");
}
