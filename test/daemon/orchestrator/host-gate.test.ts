import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { generateKeyPair } from "../../../src/identity/key.ts";
import { newId } from "../../../src/ids.ts";
import { frameBytesMax } from "../../../src/protocol/frame.ts";
import { hostIdOf, protocolVersion } from "../../../src/protocol/handshake.ts";
import { type GateWorld, gateWorld } from "../../worlds/host-gate.ts";
import { introduce, type RawHost, rawHost } from "../../worlds/raw-host.ts";

describe("a host at the gate", () => {
  let world: GateWorld;
  let apiKey: string;
  let host: RawHost;

  beforeEach(async () => {
    world = await gateWorld();
    ({ apiKey } = await world.account("host"));
    host = await rawHost(world.url);
  });
  afterEach(async () => {
    host.close();
    await world.close();
  });

  it("that proves its key and its account is seated, until it leaves", async () => {
    const hostId = hostIdOf(host.key.publicKey);
    expect(await introduce(host, { apiKey })).toMatchObject({ type: "welcome", hostId });
    expect(world.hosts.members().map((member) => member.hostId)).toEqual([hostId]);
    host.close();
    await vi.waitUntil(() => world.hosts.members().length === 0, { timeout: 30_000 });
    expect(world.gate.sessions()).toEqual([]);
  });

  it("that signs with another key than it shows is refused", async () => {
    const answer = await introduce(host, { apiKey, signer: generateKeyPair() });
    expect(answer).toMatchObject({ type: "refused", code: "authentication_failed" });
    expect(await host.next()).toBe("closed");
    expect(world.hosts.members()).toEqual([]);
  });

  it.each([
    [protocolVersion - 1, "Update PeerLLM on the host."],
    [protocolVersion + 1, "Update PeerLLM on the orchestrator."],
  ])("that speaks protocol %i is told what to update", async (protocol, told) => {
    const answer = await introduce(host, { apiKey, protocol });
    expect(answer).toMatchObject({ type: "refused", code: "protocol_incompatible" });
    expect(answer).toHaveProperty("message", expect.stringContaining(told));
    expect(await host.next()).toBe("closed");
  });

  it("that speaks a later protocol with fields of its own is told so too", async () => {
    host.send(JSON.stringify({ type: "hello", protocol: protocolVersion + 1, keys: [] }));
    expect(await host.next()).toMatchObject({ type: "refused", code: "protocol_incompatible" });
    expect(await host.next()).toBe("closed");
  });

  it.each(["sk-peer-unknown", ""])('with the unknown API key "%s" is refused', async (unknown) => {
    expect(await introduce(host, { apiKey: unknown })).toMatchObject({
      type: "refused",
      code: "authentication_failed",
    });
    expect(await host.next()).toBe("closed");
  });

  it("is out at once when the key it came in by is revoked, and only then", async () => {
    const mine = await world.account("host");
    await introduce(host, mine);
    world.gate.keyRevoked(newId("key"));
    expect(world.hosts.members()).toHaveLength(1);
    await mine.revoke();
    expect(await host.next()).toBe("closed");
    expect(world.hosts.members()).toEqual([]);
  });

  it("with a key that may not host is refused", async () => {
    const consumer = await world.account("consume", "produce");
    expect(await introduce(host, consumer)).toMatchObject({ type: "refused", code: "permission_denied" });
  });

  it("whose key another account brought first is refused", async () => {
    await introduce(host, { apiKey });
    const thief = await rawHost(world.url, host.key);
    const answer = await introduce(thief, await world.account("host"));
    expect(answer).toMatchObject({ type: "refused", code: "permission_denied" });
    expect(world.hosts.members()).toHaveLength(1);
    thief.close();
  });

  it("that comes anew takes the place of its older connection", async () => {
    await introduce(host, { apiKey });
    const again = await rawHost(world.url, host.key);
    expect(await introduce(again, { apiKey })).toMatchObject({ type: "welcome" });
    expect(await host.next()).toBe("closed");
    expect(world.hosts.members()).toHaveLength(1);
    expect(world.gate.sessions()).toHaveLength(1);
    again.close();
  });

  it.each([
    ["no JSON", "{"],
    ["nothing", ""],
    ["bytes", new Uint8Array([0xff, 0x00, 0xfe])],
    ["another kind of frame", '{"type":"heartbeat","sequence":1,"activeSubtasks":0}'],
    ["an unknown field", '{"type":"proof","signature":"","apiKey":"","more":1}'],
    ["an orchestrator's frame", '{"type":"welcome","hostId":"x","heartbeatMs":5000}'],
  ])("that begins with %s is refused, and quoted nowhere", async (_what, garbage) => {
    host.send(garbage);
    const answer = await host.next();
    expect(answer).toMatchObject({ type: "refused", code: "protocol_violation" });
    expect(await host.next()).toBe("closed");
  });

  it("that sends a frame longer than there can be is cut off", async () => {
    host.send("x".repeat(frameBytesMax + 1));
    expect(await host.next()).toBe("closed");
    expect(world.hosts.members()).toEqual([]);
  });
});
