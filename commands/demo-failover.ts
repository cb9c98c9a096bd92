import { callDaemon } from "../src/client/control.ts";
import { routes } from "../src/protocol/api.ts";
import { hostMethods } from "../src/protocol/control-methods.ts";
import { indent, summarySchema } from "./demo-conversation.ts";
import type { DemoHost, DemoNetwork } from "./demo-network.ts";
import type { Session } from "./session.ts";
import { streamChat } from "./streamed-chat.ts";

const question = "Tell me a story about a fox.";

export interface DemoFailover {
  readonly answer: string;
  /** The host whose process was killed in mid-answer; null where the answer was done before one could be. */
  readonly killed: string | null;
  readonly failovers: number;
  /** Between two pieces of the answer. */
  readonly longestPauseMs: number;
}

/** Asks for something long and kills the process of the host that answers, with SIGKILL, once its words arrive. */
export async function loseHost(session: Session, network: DemoNetwork): Promise<DemoFailover> {
  const { printer, signal } = session;
  printer.note(`\nDan asks for a story, and the host that tells it is killed:\n\n${indent(question)}\n`);
  let killing: Promise<DemoHost | null> | undefined;
  let lastAt = Number.NaN;
  let longestPauseMs = 0;
  const onText = (text: string) => {
    const now = performance.now();
    if (now - lastAt > longestPauseMs) longestPauseMs = now - lastAt;
    lastAt = now;
    printer.write(text);
    killing ??= killServing(network, signal);
  };
  const messages = [{ role: "user", content: question }];
  const request = { model: network.model, messages, temperature: 0, max_tokens: 300 };
  const answer = await streamChat(network.baseUrl, request, onText, signal);
  const killed = (await killing) ?? null;
  const { receipt } = summarySchema.parse(answer.peerllm);
  const { failovers } = await network.account.call(routes["receipt-show"], {}, signal, { receipt });
  printer.write(
    killed === null
      ? "\n\nThe story was told before its host could be killed.\n"
      : `\n\n${killed.ownerName}'s host was killed, ${failovers === 1 ? "another" : `${failovers} others`} went on: the longest pause took ${Math.round(longestPauseMs)} ms.\n`,
  );
  return {
    answer: answer.answer,
    killed: killed?.hostId ?? null,
    failovers,
    longestPauseMs: Math.round(longestPauseMs),
  };
}

async function killServing(network: DemoNetwork, signal: AbortSignal): Promise<DemoHost | null> {
  const states = await Promise.all(
    network.hosts.map(async (host) => {
      const { activeStreams, pid } = await callDaemon(host.home, "host", hostMethods.status, {}, signal);
      return { host, activeStreams, pid };
    }),
  );
  const serving = states.find(({ activeStreams }) => activeStreams > 0);
  if (serving === undefined) return null;
  process.kill(serving.pid, "SIGKILL");
  return serving.host;
}
