import { describe, expect, it } from "vitest";
import { newId } from "../../../src/ids.ts";
import type { Offer, PoolMember } from "../../../src/scheduling/offer.ts";
import { HostPool, type Wanted } from "../../../src/scheduling/pool.ts";
import { VirtualClock } from "../../worlds/virtual-clock.ts";

const digest = `sha256:${"0".repeat(64)}`;
const never = new AbortController().signal;

interface TestMember extends PoolMember {
  isAccepting: boolean;
}

function member(options: { owner?: string; sequences?: number; decode?: number; context?: number } = {}): TestMember {
  const { owner = "someone", sequences = 1, decode = 100, context = 1_024 } = options;
  const offer: Offer = {
    model: "acme/tiny:1.0.0",
    digest,
    contextLength: context,
    sequences,
    reportsTokens: true,
    prefillTokensPerSecond: 1_000,
    decodeTokensPerSecond: decode,
  };
  return {
    hostId: newId("host"),
    owner,
    isAccepting: true,
    offerOf: (wanted) => (wanted === digest ? offer : undefined),
  };
}

function wanted(options: Partial<Wanted> = {}): Wanted {
  return {
    digest,
    accountId: "someone",
    cacheKey: "none",
    promptTokens: 10,
    contextTokens: 20,
    avoidedOwners: () => new Set(),
    isEligible: () => true,
    placed: () => {},
    ...options,
  };
}

function poolOf(clock: VirtualClock, ...members: TestMember[]): HostPool<TestMember> {
  const pool = new HostPool<TestMember>({ clock, queueMax: 4 });
  for (const each of members) pool.join(each);
  return pool;
}

describe("the pool of hosts", () => {
  it("gives the fastest host first, and never more slots than it has", async () => {
    const clock = new VirtualClock();
    const [slow, fast] = [member({ decode: 10 }), member({ decode: 500 })];
    const pool = poolOf(clock, slow, fast);
    expect((await pool.acquire(wanted(), 1_000, never)).member).toBe(fast);
    expect((await pool.acquire(wanted(), 1_000, never)).member).toBe(slow);
    const third = pool.acquire(wanted(), 1_000, never);
    await expect(clock.until(third)).rejects.toMatchObject({ code: "host_unavailable" });
  });

  it("prefers an owner who has seen nothing of the request, however slow", async () => {
    const [seen, unseen] = [member({ owner: "a", decode: 500 }), member({ owner: "b", decode: 1 })];
    const pool = poolOf(new VirtualClock(), seen, unseen);
    const lease = await pool.acquire(wanted({ avoidedOwners: () => new Set(["a"]) }), 1_000, never);
    expect(lease.member).toBe(unseen);
  });

  it("tells of hosts that fail, rest after the third time, and come back", async () => {
    const clock = new VirtualClock();
    const host = member();
    const told: string[] = [];
    const pool = new HostPool<TestMember>({ clock, queueMax: 4, observe: (kind) => told.push(kind) });
    pool.join(host);
    for (let failure = 0; failure < 3; failure += 1) (await pool.acquire(wanted(), 1_000, never)).release("failed");
    expect(told).toEqual(["host-failed", "host-failed", "host-failed", "breaker-opened"]);
    expect(pool.isResting(host.hostId)).toBe(true);
    const lease = await clock.until(pool.acquire(wanted(), 10_000, never));
    expect(pool.isResting(host.hostId)).toBe(false);
    lease.release("finished");
    expect(told.at(-1)).toBe("breaker-closed");
  });

  it("sends a conversation back to the host that holds its prefix", async () => {
    const [first, second] = [member({ decode: 100, sequences: 2 }), member({ decode: 100, sequences: 2 })];
    const pool = poolOf(new VirtualClock(), first, second);
    const long = { promptTokens: 4_000, cacheKey: "conversation" };
    const opening = await pool.acquire(wanted({ ...long, isEligible: (id) => id === second.hostId }), 1_000, never);
    opening.observeFirstToken(4_000);
    opening.release("finished");
    expect((await pool.acquire(wanted(long), 1_000, never)).member).toBe(second);
  });

  it("lets accounts take turns: one that floods the queue does not starve another", async () => {
    const clock = new VirtualClock();
    const pool = poolOf(clock, member());
    const held = await pool.acquire(wanted({ accountId: "greedy" }), 9_000, never);
    const order: string[] = [];
    const waiting = ["greedy", "greedy", "modest"].map(async (accountId) => {
      const lease = await pool.acquire(wanted({ accountId }), 9_000, never);
      order.push(accountId);
      lease.release("finished");
    });
    held.release("finished");
    await clock.until(Promise.all(waiting));
    expect(order.indexOf("modest")).toBeLessThan(2);
  });

  it("refuses at once an account with half of what others leave of the queue, saying when to try again", async () => {
    const clock = new VirtualClock();
    const pool = poolOf(clock, member());
    await pool.acquire(wanted(), 1_000, never);
    const ask = (accountId: string) => pool.acquire(wanted({ accountId }), 1_000, never);
    const refusal = { code: "queue_full", retryAfterSeconds: 5 };
    const waiting = [ask("greedy"), ask("greedy")];
    await expect(ask("greedy")).rejects.toMatchObject(refusal);
    waiting.push(ask("modest"));
    await expect(ask("modest")).rejects.toMatchObject(refusal);
    const outcomes = await clock.until(Promise.allSettled(waiting));
    expect(outcomes.every(({ status }) => status === "rejected")).toBe(true);
    expect(pool.queueLength()).toBe(0);
  });

  it("takes a ticket out of the queue when its consumer hangs up", async () => {
    const pool = poolOf(new VirtualClock(), member());
    await pool.acquire(wanted(), 1_000, never);
    const hangUp = new AbortController();
    const waiting = pool.acquire(wanted(), 1_000, hangUp.signal);
    hangUp.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    expect(pool.queueLength()).toBe(0);
  });

  it("loses no slot that comes free as its consumer hangs up", async () => {
    for (let turns = 0; turns < 16; turns += 1) {
      const host = member();
      const pool = poolOf(new VirtualClock(), host);
      const held = await pool.acquire(wanted(), 1_000, never);
      const hangUp = new AbortController();
      const waiting = pool.acquire(wanted(), 1_000, hangUp.signal);
      hangUp.abort(new Error("gone"));
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      held.release("finished");
      const [outcome] = await Promise.allSettled([waiting]);
      if (outcome.status === "fulfilled") outcome.value.release("cancelled");
      expect(pool.activeSubtasksOf(host.hostId)).toBe(0);
    }
  });

  it("looks at a host that is full once for all who wait, each second", async () => {
    const clock = new VirtualClock();
    const pool = new HostPool<TestMember>({ clock, queueMax: 4_000 });
    const host = member();
    let looks = 0;
    const offerOf = (digest: string) => {
      looks += 1;
      return host.offerOf(digest);
    };
    pool.join({ ...host, offerOf });
    await pool.acquire(wanted(), 10_000, never);
    const ask = (_: unknown, index: number) => pool.acquire(wanted({ accountId: `${index % 100}` }), 10_000, never);
    const waiting = Promise.allSettled(Array.from({ length: 1_000 }, ask));
    const before = looks;
    await clock.until(clock.sleep(9_500, never));
    expect(looks - before).toBeLessThan(100);
    await clock.until(waiting);
  });

  it("rests a host after three failures in a row, and asks it again when its rest is over", async () => {
    const clock = new VirtualClock();
    const pool = poolOf(clock, member());
    for (let failure = 0; failure < 3; failure += 1) (await pool.acquire(wanted(), 1, never)).release("failed");
    const early = clock.until(pool.acquire(wanted(), 1_000, never));
    await expect(early).rejects.toMatchObject({ code: "host_unavailable", message: expect.stringContaining("rests") });
    const lease = await clock.until(pool.acquire(wanted(), 30_000, never));
    expect(lease.member.hostId).toBeDefined();
  });

  it("says of hosts that are paused that they are", async () => {
    const clock = new VirtualClock();
    const paused = { ...member(), isAccepting: false };
    const waiting = clock.until(poolOf(clock, paused).acquire(wanted(), 1_000, never));
    await expect(waiting).rejects.toMatchObject({
      code: "host_unavailable",
      message: expect.stringContaining("paused"),
    });
  });

  it("counts answers that a host lost together as one failure, however many there were", async () => {
    const clock = new VirtualClock();
    const host = member({ sequences: 8 });
    const pool = poolOf(clock, host);
    const lose = async (count: number) => {
      const leases = [];
      for (let lease = 0; lease < count; lease += 1) leases.push(await pool.acquire(wanted(), 1_000, never));
      for (const lease of leases) lease.release("failed");
    };
    await lose(8);
    await lose(8);
    expect(pool.isResting(host.hostId)).toBe(false);
    await lose(1);
    expect(pool.isResting(host.hostId)).toBe(true);
  });

  it("gives what needs a long context to a host that has it, and says where none has", async () => {
    const clock = new VirtualClock();
    const [short, long] = [member({ decode: 500 }), member({ context: 8_192, decode: 10 })];
    const pool = poolOf(clock, short, long);
    expect((await pool.acquire(wanted({ contextTokens: 1_025 }), 1_000, never)).member).toBe(long);
    expect((await pool.acquire(wanted({ contextTokens: 1_024 }), 1_000, never)).member).toBe(short);
    const tooLong = clock.until(pool.acquire(wanted({ contextTokens: 8_193 }), 1_000, never));
    await expect(tooLong).rejects.toThrow("None of the 2 hosts of this model may take this part of the request.");
  });

  it("keeps backups under one in twenty, and starts none while others wait", async () => {
    const pool = poolOf(new VirtualClock(), member({ sequences: 100 }));
    let backups = 0;
    for (let request = 0; request < 100; request += 1) {
      (await pool.acquire(wanted(), 1_000, never)).release("finished");
      const backup = pool.acquireBackup(wanted());
      if (backup !== null) backups += 1;
      backup?.release("cancelled");
    }
    expect(backups).toBeGreaterThan(0);
    expect(backups).toBeLessThanOrEqual(5);
  });

  it("gives a host that joins to whoever waits", async () => {
    const clock = new VirtualClock();
    const pool = poolOf(clock);
    const waiting = pool.acquire(wanted(), 5_000, never);
    const late = member();
    pool.join(late);
    expect((await waiting).member).toBe(late);
  });

  it("counts a slot free once, however often its lease is released", async () => {
    const only = member();
    const pool = poolOf(new VirtualClock(), only);
    const lease = await pool.acquire(wanted(), 1_000, never);
    lease.release("finished");
    lease.release("failed");
    expect(pool.activeSubtasksOf(only.hostId)).toBe(0);
    await pool.acquire(wanted(), 1_000, never);
    expect(pool.activeSubtasksOf(only.hostId)).toBe(1);
  });

  it("gives a host a second for each token of an answer, or eight times what it usually takes, after the first", async () => {
    const pool = poolOf(new VirtualClock(), member({ decode: 100 }));
    const lease = await pool.acquire(wanted(), 1_000, never);
    expect(lease.totalDeadlineMs(10)).toBe(6_000 + 10 * 1_000);
    expect(lease.totalDeadlineMs(1_000_000)).toBe(24 * 3_600_000);
    const slow = poolOf(new VirtualClock(), member({ decode: 1 }));
    expect((await slow.acquire(wanted(), 1_000, never)).totalDeadlineMs(10)).toBe(6_000 + 10 * 8_000);
  });
});
