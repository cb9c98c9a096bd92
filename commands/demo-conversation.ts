import * as z from "zod";
import { callDaemon, streamDaemon } from "../src/client/control.ts";
import { oneLine } from "../src/plain-text.ts";
import { type ReceiptDocument, routes } from "../src/protocol/api.ts";
import { hostMethods, networkMethods } from "../src/protocol/control-methods.ts";
import type { DemoNetwork } from "./demo-network.ts";
import { describeReceipt } from "./receipts.ts";
import type { Session } from "./session.ts";
import { streamChat } from "./streamed-chat.ts";

const questions = [
  "Please answer these:",
  "1. What is PeerLLM?",
  "2. How much does a host earn?",
  "3. Write an e-mail to Maria Lopez at maria.lopez@example.org saying that the parcel has arrived.",
].join("\n");

export interface DemoResult {
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

/** Asks, and afterwards gathers what it did: from the answer, the receipt, the hosts and the books. */
export async function converse(session: Session, network: DemoNetwork): Promise<DemoResult> {
  const { printer, signal } = session;
  const watchers = network.hosts.map(({ home }) => watchSubtasks(home, signal));
  printer.note(`\nDan asks through his endpoint:\n\n${indent(questions)}\n\nand is answered:\n`);
  const messages = [{ role: "user", content: questions }];
  const request = { model: network.model, messages, temperature: 0, max_tokens: 400 };
  const answer = await streamChat(network.baseUrl, request, (text) => printer.write(text), signal);
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
export const summarySchema = z.looseObject({ receipt: z.string(), masked: z.record(z.string(), z.int()) });

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

export function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
