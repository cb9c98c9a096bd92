import { existsSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Command } from "commander";
import * as z from "zod";
import { PeerError } from "../src/errors.ts";
import { converse } from "./demo-conversation.ts";
import { loseHost } from "./demo-failover.ts";
import { closeDemoNetwork, type DemoNetwork, startDemoNetwork } from "./demo-network.ts";
import { action, type Session } from "./session.ts";

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
      .addHelpText("after", "\nExample:\n  peerllm demo down /tmp/peerllm-demo-abc")
      .action(action(z.object({}), down)),
  );
  return demo;
}

const folderPrefix = "peerllm-demo-";

async function run(session: Session, options: { keep: boolean }): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), folderPrefix));
  let isKept = false;
  try {
    session.printer.note("A whole network on this machine: every part a process of its own.\n");
    const network = await startNetwork(session, root, options.keep);
    const result = await converse(session, network);
    // A network that is to be used keeps all its hosts.
    const more = options.keep ? { keep: keepFacts(network) } : { failover: await loseHost(session, network) };
    session.printer.result({ ...result, ...more }, () => (options.keep ? describeKeep(network) : ""));
    // What nobody was told of nobody could stop.
    isKept = options.keep && (await session.printer.isTaken());
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

async function down(session: Session, _: unknown, [folder = ""]: readonly string[]): Promise<void> {
  if (!basename(folder).startsWith(folderPrefix) || !existsSync(join(folder, "operator"))) {
    throw new PeerError("usage_invalid", `"${folder}" is not the folder of a demo.`);
  }
  await closeDemoNetwork(folder);
  session.printer.result({ folder, stopped: true }, () => "The demo is down, and its folder removed.");
}
