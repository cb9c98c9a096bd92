import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { generateKeyPair } from "../../src/identity/key.ts";
import { newId } from "../../src/ids.ts";
import type { HostFrame, NetworkFrame } from "../../src/protocol/frame.ts";
import { residentBytes } from "../worlds/processes.ts";
import { challenge, type RawLink, rawNetwork } from "../worlds/raw-network.ts";
import { type Target, within } from "./fuzz-targets.ts";
import { mutateJson } from "./mutation.ts";
import type { Random } from "./random.ts";

const digest = `sha256:${"ab".repeat(32)}`;

const welcome = { type: "welcome", hostId: "host", heartbeatMs: 5_000 } as const satisfies NetworkFrame;

export interface HostTarget extends Target {
  /** Of the host's process. */
  residentBytes(): number;
  /** Empty where the process is as it should be. */
  problems(): readonly string[];
}

/**
 * An orchestrator that turned hostile, and a host in a process of its own that is linked to it. A part of the frames are
 * thrown in the handshake, where a stranger's welcome must not be taken either; the others at a seated host, which has to
 * do its next work well, or to cut the link and come back.
 */
export async function hostTarget(networkFrames: readonly string[]): Promise<HostTarget> {
  const network = await rawNetwork();
  const stranger = { key: generateKeyPair() };
  const child = startHost([network.url, network.key.publicKey, digest]);
  let ended: string | null = null;
  child.once("exit", (code, signal) => {
    ended = `the host's process ended (${signal ?? `exit code ${code}`})`;
  });
  let seated: RawLink | null = null;

  async function throwAtHandshake(random: Random): Promise<void> {
    const link = await within(network.accept(), "the host's next link");
    if (random.below(2) === 0) {
      await within(link.next(), "the host's hello");
      for (let count = 1 + random.below(3); count > 0; count -= 1) link.send(mutated(networkFrames, random));
      link.close();
      return;
    }
    const said = await within(challenge(stranger, link, { hasty: [welcome, runFrame()] }), "the host's answer");
    if (said !== "closed") throw new Error(`The host said ${said.type} to a stranger.`);
  }

  async function throwAtSeated(link: RawLink, random: Random): Promise<boolean> {
    link.send(mutated(networkFrames, random));
    const run = runFrame();
    link.send(run);
    for (let frame = await nextOf(link); frame !== "closed"; frame = await nextOf(link)) {
      if (frame.type === "failed" && frame.subtask === run.subtask) throw new Error(`Good work failed: ${frame.code}.`);
      if (frame.type === "end" && frame.subtask === run.subtask) return true;
    }
    return false;
  }

  async function takeIn(): Promise<RawLink> {
    const link = await within(network.accept(), "the host's next link");
    await within(challenge(network, link), "the host's proof");
    link.send(welcome);
    return link;
  }

  return {
    async throwOne(random) {
      if (ended !== null) throw new Error(ended);
      if (seated === null && random.below(3) === 0) return throwAtHandshake(random);
      seated ??= await takeIn();
      if (random.below(20) === 0) seated.close();
      if (!(await throwAtSeated(seated, random))) seated = null;
    },
    residentBytes: () => residentBytes(child.pid ?? 0),
    problems: () => (ended === null ? [] : [ended]),
    close() {
      child.removeAllListeners("exit");
      child.kill("SIGKILL");
      void network.close();
    },
  };
}

function startHost(words: readonly string[]): ChildProcess {
  const entry = fileURLToPath(new URL("./host-child.ts", import.meta.url));
  return spawn(process.execPath, ["--import", "tsx", entry, ...words], { stdio: ["ignore", "ignore", "inherit"] });
}

function mutated(frames: readonly string[], random: Random): string | Uint8Array {
  const bytes = mutateJson(JSON.parse(random.pick(frames)), random);
  return random.below(2) === 0 ? bytes : bytes.toString();
}

/** Work that a host in order does at once. */
function runFrame(): Extract<NetworkFrame, { type: "run" }> {
  return {
    type: "run",
    subtask: newId("subtask"),
    epoch: 1,
    digest,
    prompt: { kind: "tokens", tokens: [1, 2, 3] },
    resumedTokens: [],
    sampling: { temperature: 0, topP: 1, seed: 1, maxTokens: 2, stop: [] },
    cacheKey: "c",
  };
}

function nextOf(link: RawLink): Promise<HostFrame | "closed"> {
  return within(link.next(), "the host's next frame");
}
