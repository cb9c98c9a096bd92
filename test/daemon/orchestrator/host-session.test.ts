import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { isPeerError } from "../../../src/errors.ts";
import { generateKeyPair, type KeyPair } from "../../../src/identity/key.ts";
import { newId } from "../../../src/ids.ts";
import type { Assignment, HostEvent, HostLink } from "../../../src/pipeline/ports.ts";
import {
  heartbeatIntervalMs,
  heartbeatIntervalsMax,
  type OfferedModel,
  unreadBytesMax,
} from "../../../src/protocol/frame.ts";
import { AnswerDigest, type SignedStatement, signStatement } from "../../../src/verification/statement.ts";
import { type GateWorld, gateWorld } from "../../worlds/host-gate.ts";
import { introduce, type RawHost, rawHost } from "../../worlds/raw-host.ts";

const digest = `sha256:${"ab".repeat(32)}`;
const offered: OfferedModel = {
  model: "acme/tiny:1.0.0",
  digest,
  contextLength: 512,
  sequences: 2,
  reportsTokens: true,
  prefillTokensPerSecond: 100,
  decodeTokensPerSecond: 10,
  decodeTokensPerSecondAtAllSequences: 20,
};
const { signal } = new AbortController();

function assignmentOf(epoch: number): Assignment {
  return {
    subtaskId: newId("subtask"),
    epoch,
    digest,
    prompt: { kind: "text", text: "Once" },
    promptTokens: [1, 2, 3],
    resumedTokens: [],
    sampling: { temperature: 0, topP: 1, seed: 1, maxTokens: 4, stop: [] },
    cacheKey: "c",
  };
}

function statementOf(
  key: KeyPair,
  { subtaskId, epoch }: Assignment,
  changes: Partial<SignedStatement> = {},
): SignedStatement {
  const answerDigest = new AnswerDigest();
  answerDigest.add([7, 8], "");
  return signStatement(key, {
    subtask: subtaskId,
    epoch,
    digest,
    promptTokens: 3,
    completionTokens: 2,
    answerDigest: answerDigest.value(),
    firstTokenMs: 1,
    elapsedMs: 2,
    ...changes,
  });
}

describe("a seated host's session", () => {
  let world: GateWorld;
  let host: RawHost;
  let session: HostLink;

  beforeEach(async () => {
    world = await gateWorld();
    host = await rawHost(world.url);
    await introduce(host, await world.account("host"));
    host.send({ type: "offer", models: [offered], isAccepting: true });
    const [member] = world.hosts.members();
    if (member === undefined) throw new Error("The host was not seated.");
    session = member;
    await vi.waitUntil(() => session.isAccepting, { timeout: 30_000 });
  });
  afterEach(async () => {
    host.close();
    await world.close();
  });

  /** Starts a subtask; the host has read its `run` frame once this resolves. */
  async function begin(assignment: Assignment, limit = signal) {
    const events: HostEvent[] = [];
    const over = (async () => {
      for await (const event of session.run(assignment, limit)) events.push(event);
    })();
    over.catch(() => {});
    return { run: await host.next(), events, over };
  }

  const delta = ({ subtaskId: subtask }: Assignment, epoch: number, position: number, tokens: number[]) =>
    host.send({ type: "delta", subtask, epoch, position, tokens, text: "" });
  const end = ({ subtaskId: subtask, epoch }: Assignment, statement: SignedStatement) =>
    host.send({ type: "end", subtask, epoch, finishReason: "stop", cachedTokens: 0, statement });

  it("offers what the host last said, and answers its heartbeats", async () => {
    expect(session.offerOf(digest)).toEqual(offered);
    host.send({ type: "heartbeat", sequence: 41, activeSubtasks: 0 });
    expect(await host.next()).toEqual({ type: "heartbeat-ack", sequence: 41 });
    host.send({ type: "offer", models: [], isAccepting: false });
    await vi.waitUntil(() => !session.isAccepting, { timeout: 30_000 });
    expect(session.offerOf(digest)).toBeUndefined();
  });

  it("ends when heartbeats stop, and not because it was itself late to look for them", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const watched = await gateWorld();
    const raw = await rawHost(watched.url);
    try {
      await introduce(raw, await watched.account("host"));
      const seated = () => watched.hosts.members().length;
      vi.spyOn(performance, "now").mockReturnValue(performance.now() + 60_000);
      vi.advanceTimersByTime(heartbeatIntervalMs);
      expect(seated()).toBe(1);
      raw.send({ type: "heartbeat", sequence: 1, activeSubtasks: 0 });
      expect(await raw.next()).toEqual({ type: "heartbeat-ack", sequence: 1 });
      vi.advanceTimersByTime(heartbeatIntervalMs * heartbeatIntervalsMax);
      expect(seated()).toBe(1);
      vi.advanceTimersByTime(heartbeatIntervalMs);
      expect(seated()).toBe(0);
    } finally {
      vi.restoreAllMocks();
      vi.useRealTimers();
      raw.close();
      await watched.close();
    }
  });

  it("takes no work for a host that is not entitled to any, until it is, and tells it so", async () => {
    const unpaid = await gateWorld(async () => false);
    const raw = await rawHost(unpaid.url);
    expect(await introduce(raw, await unpaid.account("host"))).toMatchObject({ type: "welcome" });
    expect(await raw.next()).toEqual({ type: "entitlement", isEntitled: false });
    raw.send({ type: "offer", models: [offered], isAccepting: true });
    const [seated] = unpaid.gate.sessions();
    await vi.waitUntil(() => seated?.offerOf(digest) !== undefined, { timeout: 30_000 });
    expect(seated?.isAccepting).toBe(false);
    seated?.setEntitled(true);
    expect(seated?.isAccepting).toBe(true);
    expect(await raw.next()).toEqual({ type: "entitlement", isEntitled: true });
    raw.close();
    await unpaid.close();
  });

  it("hands a subtask's frames on until its signed end", async () => {
    const assignment = assignmentOf(1);
    const { run, events, over } = await begin(assignment);
    expect(run).toMatchObject({ type: "run", epoch: 1, prompt: { kind: "tokens", tokens: [1, 2, 3] } });
    delta(assignment, 1, 0, [7, 8]);
    const statement = statementOf(host.key, assignment);
    end(assignment, statement);
    await over;
    expect(events).toEqual([
      { kind: "delta", position: 0, tokens: [7, 8], text: "" },
      { kind: "end", finishReason: "stop", statement },
    ]);
  });

  it("ignores what a ghost says: deltas of an earlier epoch, of a later one, and of no subtask of its own", async () => {
    const assignment = assignmentOf(2);
    const { events, over } = await begin(assignment);
    delta(assignment, 1, 0, [6, 6]);
    delta(assignment, 3, 0, [6, 6]);
    delta(assignmentOf(2), 2, 0, [6, 6]);
    host.send({ type: "failed", subtask: assignment.subtaskId, epoch: 1, code: "x", statement: null });
    delta(assignment, 2, 0, [7, 8]);
    end(assignment, statementOf(host.key, assignment));
    await over;
    expect(events.map((event) => (event.kind === "delta" ? event.tokens : event.kind))).toEqual([[7, 8], "end"]);
  });

  it.each<[string, (assignment: Assignment) => SignedStatement]>([
    ["another's key", (assignment) => statementOf(generateKeyPair(), assignment)],
    ["its own key over other numbers", (assignment) => ({ ...statementOf(host.key, assignment), completionTokens: 9 })],
    [
      "its own key over another subtask",
      (assignment) => statementOf(host.key, { ...assignment, subtaskId: newId("subtask") }),
    ],
    ["its own key over another epoch", (assignment) => statementOf(host.key, assignment, { epoch: 2 })],
    [
      "its own key over another model",
      (assignment) => statementOf(host.key, assignment, { digest: `sha256:${"cd".repeat(32)}` }),
    ],
  ])("ends the lease and the link where the statement is signed by %s", async (_whose, forged) => {
    const assignment = assignmentOf(1);
    const { events, over } = await begin(assignment);
    end(assignment, forged(assignment));
    await expect(over).rejects.toMatchObject({ code: "host_lost" });
    expect(events).toEqual([]);
    expect(await host.next()).toBe("closed");
    expect(world.hosts.members()).toEqual([]);
  });

  it("ends the lease with the host's own failure and statement, and keeps the link", async () => {
    const assignment = assignmentOf(1);
    const { events, over } = await begin(assignment);
    const statement = statementOf(host.key, assignment);
    host.send({ type: "failed", subtask: assignment.subtaskId, epoch: 1, code: "engine_crashed", statement });
    await over;
    expect(events).toEqual([{ kind: "failed", code: "engine_crashed", statement }]);
    expect(session.isAccepting).toBe(true);
  });

  it("is cut off when it does not read what it is sent, and its subtasks go elsewhere", async () => {
    host.pause();
    const promptTokens = Array.from({ length: 130_000 }, (_, index) => 1_000_000 + index);
    const prompts = Math.ceil((2 * unreadBytesMax) / JSON.stringify(promptTokens).length);
    const runs = Array.from({ length: prompts }, async () => {
      const iterator = session.run({ ...assignmentOf(1), promptTokens }, signal)[Symbol.asyncIterator]();
      return iterator.next();
    });
    const ends = await Promise.allSettled(runs);
    expect(ends.map((end) => end.status === "rejected" && isPeerError(end.reason, "host_lost"))).not.toContain(false);
    expect(world.hosts.members()).toEqual([]);
  });

  it("tells the host to stop when the subtask is given up", async () => {
    const given = new AbortController();
    const assignment = assignmentOf(1);
    const { over } = await begin(assignment, given.signal);
    given.abort(new Error("given up"));
    await expect(over).rejects.toThrow("given up");
    expect(await host.next()).toEqual({ type: "cancel", subtask: assignment.subtaskId, epoch: 1 });
  });

  it("ends every lease when the link breaks, and takes no other", async () => {
    const { over } = await begin(assignmentOf(1));
    host.close();
    await expect(over).rejects.toMatchObject({ code: "host_lost" });
    await expect(session.run(assignmentOf(1), signal)[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "host_lost",
    });
  });

  it.each([
    ["garbage", "\0"],
    ["a frame of the handshake", `{"type":"proof","signature":"${"A".repeat(86)}","apiKey":"x"}`],
    ["an unknown field", '{"type":"heartbeat","sequence":1,"activeSubtasks":0,"more":1}'],
  ])("ends with the link when the host sends %s", async (_what, frame) => {
    const { over } = await begin(assignmentOf(1));
    host.send(frame);
    await expect(over).rejects.toMatchObject({ code: "host_lost" });
    expect(await host.next()).toBe("closed");
    expect(world.hosts.members()).toEqual([]);
  });

  it("ends when a host sends many more frames than tokens were asked for", async () => {
    const assignment = assignmentOf(1);
    const { over } = await begin(assignment);
    for (let count = 0; count < 100; count += 1) delta(assignment, 1, 0, []);
    await expect(over).rejects.toMatchObject({ code: "host_lost" });
  });

  it("ends when a host sends much more text than was asked for", async () => {
    const assignment = assignmentOf(1);
    const { over } = await begin(assignment);
    const frame = {
      type: "delta" as const,
      subtask: assignment.subtaskId,
      epoch: 1,
      tokens: [],
      text: "x".repeat(40_000),
    };
    for (let position = 0; position < 2; position += 1) host.send({ ...frame, position });
    await expect(over).rejects.toMatchObject({ code: "host_lost" });
  });
});
