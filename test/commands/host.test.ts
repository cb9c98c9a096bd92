import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import * as z from "zod";
import { describeState, parseDuration } from "../../commands/host.ts";
import { createGateway } from "../../src/client/gateway.ts";
import { routes } from "../../src/protocol/api.ts";
import { peerllm, processesIn, temporaryFolder } from "../worlds/command.ts";
import { demoNetwork } from "../worlds/demo-network.ts";

const upSchema = z.looseObject({
  baseUrl: z.url(),
  pid: z.int(),
  models: z.array(z.string()),
  benchmark: z.unknown(),
});
const words = ["host", "up", "--local", "--port", "0", "--threads", "1", "--gpu", "off", "--json"];

async function hostUp() {
  const home = await temporaryFolder();
  onTestFinished(async () => void (await peerllm(["host", "down", "--now"], { home })));
  const ran = await peerllm(words, { home });
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  return { home, ...upSchema.parse(ran.json()) };
}

test("a local host serves this machine without network or account, measured, and pauses and resumes", {
  timeout: 180_000,
}, async () => {
  const { home, pid, baseUrl, models, benchmark } = await hostUp();
  expect(models).toHaveLength(1);
  expect(benchmark).toMatchObject({
    prefillTokensPerSecond: expect.toSatisfy((figure: number) => figure > 0),
    decodeTokensPerSecond: expect.toSatisfy((figure: number) => figure > 0),
    decodeTokensPerSecondAtAllSequences: expect.toSatisfy((figure: number) => figure > 0),
  });
  const answer = await fetch(`${baseUrl}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model: models[0],
      max_tokens: 8,
      temperature: 0,
      messages: [{ role: "user", content: "What is PeerLLM?" }],
    }),
  });
  expect(answer.status).toBe(200);
  const { usage } = z
    .looseObject({ usage: z.looseObject({ prompt_tokens: z.int(), completion_tokens: z.literal(8) }) })
    .parse(await answer.json());

  const status = async (command: string[]) => (await peerllm(["host", ...command, "--json"], { home })).json();
  const served = { subtasks: 1, promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens };
  expect(await status(["status"])).toMatchObject({
    state: "serving",
    pid,
    hostId: null,
    activeStreams: 0,
    models,
    served,
  });
  expect(await status(["pause", "--for", "2h"])).toMatchObject({ state: "paused", pausedUntil: expect.any(Number) });
  expect(await status(["resume"])).toMatchObject({ state: "serving", pausedUntil: null });
  expect(await status(["status"])).toMatchObject({ benchmark });
  expect((await peerllm(["host", "status"], { home })).stdout).toMatch(
    /^speed +\d+ tokens\/s in, \d+ out, \d+ of all answers together$/m,
  );
  expect((await readdir(join(home, "keys")).catch(() => [])).length).toBe(0);

  expect(await status(["down"])).toEqual({ stopped: true, pid, killed: false });
  const estimateOf = async (...words: string[]) =>
    (await peerllm(["earnings", "calculator", "--json", ...words], { home })).json();
  const own = "this machine's own, measured \\S+ with demo";
  const [nothing, speed, both] = [
    await estimateOf(),
    await estimateOf("--tokens-per-second", "50"),
    await estimateOf("--tokens-per-second", "50", "--conversations", "2"),
  ];
  expect(nothing).toMatchObject({ assumed: { source: expect.stringMatching(`^Speed: ${own}`) } });
  expect(speed).toMatchObject({ assumed: { source: expect.stringMatching(`^Speed: where you don't say it, ${own}`) } });
  expect(both).toMatchObject({ assumed: { source: "Speed: as you say." } });
  expect(processesIn(home)).toEqual([]);
});

test("a host that is killed leaves no engine behind, and starts again, paused as it was", {
  timeout: 180_000,
}, async () => {
  const { home, pid } = await hostUp();
  expect((await peerllm(["host", "pause", "--for", "2h"], { home })).code).toBe(0);
  process.kill(pid, "SIGKILL");
  await vi.waitUntil(() => processesIn(home).length === 0, { timeout: 60_000 });
  const status = await peerllm(["host", "status"], { home });
  expect(status).toMatchObject({ code: 4, stderr: expect.stringContaining(`process ${pid}, was killed or crashed`) });
  const again = await peerllm(words, { home });
  expect(again.code).toBe(0);
  expect(again.json()).toMatchObject({ isPaused: true });
});

test("what a host can't serve is refused before it serves anything", async () => {
  const home = await temporaryFolder();
  const missing = await peerllm([...words, "--model", "./missing.gguf"], { home });
  expect(missing).toMatchObject({ code: 2 });
  expect(missing.json()).toMatchObject({ error: { message: expect.stringContaining("missing.gguf") } });
  const upstream = await peerllm(["host", "up", "--local", "--engine", "openai", "--json"], { home });
  expect(upstream.json()).toMatchObject({ error: { code: "usage_invalid" } });
  expect(await readdir(join(home, "run"))).toEqual(["host.end.json"]);
});

test("a host whose API key is revoked ends with 3, and says why at once and when asked later", {
  timeout: 300_000,
}, async () => {
  const network = await demoNetwork({ hosts: 0 });
  onTestFinished(network.close);
  const gateway = createGateway({ url: network.url, apiKey: network.apiKey });
  const never = new AbortController().signal;
  const { keyId, apiKey } = await gateway.call(routes["keys-create"], { name: "host", scopes: ["host"] }, never);
  const home = await temporaryFolder();
  const up = ["host", "up", "--foreground", "--network", network.url, "--threads", "1", "--gpu", "off"];
  const ended = peerllm(up, { home, env: { PEERLLM_API_KEY: apiKey } });
  const hosts = async () => (await gateway.call(routes["models-list"], {}, never)).models.map((model) => model.hosts);
  await expect.poll(hosts, { timeout: 120_000, interval: 250 }).toEqual([1]);
  await gateway.call(routes["keys-revoke"], {}, never, { keyId });
  const { code, stderr } = await ended;
  expect(code).toBe(3);
  expect(stderr).toMatch(/^peerllm: The orchestrator refused this host: .+$/m);
  const status = await peerllm(["host", "status"], { home });
  expect(status).toMatchObject({ code: 4, stderr: expect.stringContaining("The orchestrator refused this host: ") });
});

test.each([
  [{}, "serving"],
  [{ schedule: "22:00-07:00" }, "serving, serves 22:00-07:00"],
  [{ state: "paused", pausedBy: "owner" }, 'paused, until "peerllm host resume"'],
  [{ state: "paused", pausedBy: "owner", schedule: "22:00-07:00" }, 'paused, until "peerllm host resume"'],
  [{ state: "paused", pausedBy: "owner", pausedUntil: 1.8e12 }, /^paused until 2027-01-1\d \d\d:\d\d:00$/],
  [{ state: "paused", pausedBy: "schedule", schedule: "22:00-07:00" }, "paused, serves 22:00-07:00"],
  [{ state: "offline", pausedBy: "owner", pausedUntil: 1.8e12 }, "offline"],
  [{ state: "degraded", isEntitled: false }, /^degraded: not paid for.*"peerllm host subscribe"$/],
  [{ state: "degraded", models: [] }, /^degraded: it serves no model.*"peerllm host models pull"$/],
  [{ state: "degraded" }, /^degraded: an engine crashed and is starting again.*"peerllm host logs"$/],
] satisfies [Partial<Parameters<typeof describeState>[0]>, string | RegExp][])(
  "a host's status of %j is told as %s",
  (changes, told) => {
    const plain = { state: "serving" as const, isEntitled: true, models: ["acme/tiny:1.0.0"] };
    expect(describeState({ ...plain, pausedBy: null, pausedUntil: null, schedule: null, ...changes })).toMatch(told);
  },
);

test.each([
  ["90s", 90_000],
  ["30m", 1_800_000],
  ["1.5h", 5_400_000],
  ["1d", 86_400_000],
  ["3650d", 315_360_000_000],
])("%s is %i ms", (text, durationMs) => {
  expect(parseDuration(text)).toBe(durationMs);
});

test.each(["", "2", "h", "-1h", "0h", "2 h", "1w", "3651d", "99999999999d"])("%j is no time", (text) => {
  expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: "usage_invalid" }));
});

test("a schedule outlives the host: it is kept while none runs, and the next one starts with it", async () => {
  const home = await temporaryFolder();
  const schedule = async (...when: string[]) =>
    (await peerllm(["host", "schedule", ...when, "--json"], { home })).json();
  expect(await schedule()).toEqual({ schedule: null });
  expect(await schedule("22:00-07:00")).toEqual({ schedule: "22:00-07:00" });
  expect(await schedule()).toEqual({ schedule: "22:00-07:00" });
  expect(await schedule("at night")).toMatchObject({ error: { code: "config_invalid" } });
  expect((await peerllm(["config", "get", "host.schedule"], { home })).stdout).toContain("22:00-07:00");
  expect(await schedule("always")).toEqual({ schedule: null });
});
