import { describe, expect, it } from "vitest";
import { newId } from "../../../src/ids.ts";
import type { HostLink } from "../../../src/pipeline/ports.ts";
import { type Leg, relay } from "../../../src/pipeline/relay.ts";
import { Exposure } from "../../../src/scheduling/exposure.ts";
import { HostPool } from "../../../src/scheduling/pool.ts";
import { type Fault, ScriptedHost, scriptedAnswer } from "../../worlds/scripted-host.ts";
import { VirtualClock } from "../../worlds/virtual-clock.ts";

const digest = `sha256:${"ab".repeat(32)}`;
const promptTokens = [1, 2, 3];
const answer = scriptedAnswer(promptTokens);

/** Two hosts with these faults, the first of them the faster, and one subtask between them. */
function world(...faults: readonly [Fault, Fault]) {
  const clock = new VirtualClock();
  const events: string[] = [];
  const hosts = new HostPool<HostLink>({ clock, queueMax: 4, observe: (kind) => events.push(kind) });
  const scripted = faults.map(
    (fault, index) =>
      new ScriptedHost({
        clock,
        hosts,
        digest,
        owner: `owner ${index}`,
        sequences: 1,
        tokenMs: 10 + 40 * index,
        faultOf: () => fault,
        returnsAfterMs: null,
      }),
  );
  for (const host of scripted) hosts.join(host);
  const legs: Leg[] = [];
  const heard: number[] = [];
  const listen = async (signal: AbortSignal, vocabularySize = 65_536) => {
    const subtask = {
      subtaskId: newId("subtask"),
      accountId: newId("account"),
      digest,
      prompt: { kind: "tokens" as const, tokens: promptTokens },
      promptTokens,
      vocabularySize,
      sampling: { temperature: 0, topP: 1, seed: 1, maxTokens: 64, stop: [] },
      cacheKey: "",
      shown: { name: "0.0", tokens: 3 },
      exposure: new Exposure(3, Number.POSITIVE_INFINITY),
      legs,
    };
    for await (const event of relay(subtask, hosts, clock, signal)) {
      if (event.kind === "delta") heard.push(...event.tokens);
    }
  };
  /** Leases enough that one in twenty may be a backup. */
  const earnBackups = async () => {
    const never = new AbortController().signal;
    const wanted = {
      digest,
      accountId: "",
      cacheKey: "",
      promptTokens: 1,
      contextTokens: 1,
      avoidedOwners: () => new Set<string>(),
      isEligible: () => true,
      placed: () => {},
    };
    for (let lease = 0; lease < 40; lease += 1) (await hosts.acquire(wanted, 1, never)).release("cancelled");
  };
  const busy = () => scripted.map(({ hostId }) => hosts.activeSubtasksOf(hostId));
  return { clock, hosts, events, legs, heard, listen, earnBackups, busy };
}

const silent: Fault = { kind: "stalls", atToken: 0 };
const never = new AbortController().signal;

describe("a backup", () => {
  it("gives its slot back, as the main host does, when the consumer leaves while both are silent", async () => {
    const { clock, events, legs, listen, earnBackups, busy } = world(silent, silent);
    await earnBackups();
    const hangUp = new AbortController();
    const listening = listen(hangUp.signal);
    const patience = clock.sleep(3_000, never).then(() => hangUp.abort(new Error("gone")));
    await expect(clock.until(Promise.all([listening, patience]))).rejects.toThrow("gone");
    expect(legs.map(({ outcome }) => outcome)).toEqual(["cancelled", "cancelled"]);
    expect(busy()).toEqual([0, 0]);
    expect(events).toEqual([]);
  });

  it("goes on alone when the main host fails, which is to blame", async () => {
    const late: Fault = { kind: "starts-late", delayMs: 1_000 };
    const { clock, events, legs, heard, listen, earnBackups, busy } = world(
      { kind: "dies-late", delayMs: 2_000 },
      late,
    );
    await earnBackups();
    await clock.until(listen(never));
    expect(heard).toEqual(answer);
    expect(legs.map(({ outcome }) => outcome).toSorted()).toEqual(["finished", "lost"]);
    expect(busy()).toEqual([0, 0]);
    expect(events).toEqual(["host-failed"]);
  });

  it.each<[string, Fault, string[]]>([
    ["declines", { kind: "declines" }, ["finished", "cancelled"]],
    ["fails", { kind: "gives-up", atToken: 0 }, ["finished", "lost"]],
  ])("that %s leaves the main host to its answer", async (_what, fault, outcomes) => {
    const { clock, legs, heard, listen, earnBackups, busy } = world({ kind: "starts-late", delayMs: 2_000 }, fault);
    await earnBackups();
    await clock.until(listen(never));
    expect(heard).toEqual(answer);
    expect(legs.map(({ outcome }) => outcome)).toEqual(outcomes);
    expect(busy()).toEqual([0, 0]);
  });
});

it("a token that the model doesn't have is its host's fault, and another goes on from the last one it has", async () => {
  const wrong: Fault = { kind: "invents", atToken: 2 };
  const { clock, legs, heard, listen } = world(wrong, wrong);
  await expect(clock.until(listen(never))).rejects.toMatchObject({ code: "protocol_violation" });
  expect(heard.every((token) => token < 65_536)).toBe(true);
  expect(legs.every(({ outcome }) => outcome === "lost")).toBe(true);
});

it("a host that declines is passed over, and not blamed", async () => {
  const { clock, events, legs, heard, listen } = world({ kind: "declines" }, { kind: "none" });
  await clock.until(listen(never));
  expect(heard).toEqual(answer);
  expect(legs.map(({ outcome }) => outcome)).toEqual(["cancelled", "finished"]);
  expect(events).toEqual([]);
});

it("a subtask that is too large to be sent is its consumer's to shorten, and no host's fault", async () => {
  const { clock, events, legs, listen } = world({ kind: "can't-be-sent" }, { kind: "none" });
  await expect(clock.until(listen(never))).rejects.toMatchObject({ code: "request_too_large" });
  expect(legs.map(({ outcome }) => outcome)).toEqual(["cancelled"]);
  expect(events).toEqual([]);
});
