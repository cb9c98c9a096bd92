import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { execa } from "execa";
import { expect, test, vi } from "vitest";
import { z } from "zod";
import { parseUsd } from "../../src/money.ts";
import { packageFile } from "../../src/paths.ts";
import { peerllm, processesIn, temporaryFolder } from "../worlds/command.ts";

const documentSchema = z.strictObject({
  answer: z.string().min(1),
  usage: z.strictObject({ promptTokens: z.int().positive(), completionTokens: z.int().positive() }),
  hosts: z.array(
    z.strictObject({
      id: z.string().regex(/^host_/),
      owner: z.string().regex(/^account_/),
      promptTokens: z.int().positive(),
      completionTokens: z.int().min(0),
    }),
  ),
  ledger: z.strictObject({ consumerDebit: z.string(), hostCredit: z.string(), networkCredit: z.string() }),
  failover: z.strictObject({
    answer: z.string().min(1),
    killed: z.string().regex(/^host_/),
    failovers: z.literal(1),
    longestPauseMs: z.number(),
  }),
});

test("the demo pays hosts of different owners exactly 95%, outlives a killed host and leaves nothing behind", async () => {
  const folder = await temporaryFolder();
  const ran = await peerllm(["demo", "--json"], { env: { TMPDIR: folder } });
  expect(ran, ran.stdout).toMatchObject({ code: 0, stderr: "" });
  const { usage, hosts, ledger } = documentSchema.parse(ran.json());
  const [debit, hostCredit, networkCredit] = [ledger.consumerDebit, ledger.hostCredit, ledger.networkCredit].map(
    parseUsd,
  );
  expect(debit).toBe(BigInt(usage.promptTokens + usage.completionTokens) * 10_000n);
  expect((hostCredit ?? 0n) * 100n).toBe((debit ?? 0n) * 95n);
  expect((hostCredit ?? 0n) + (networkCredit ?? 0n)).toBe(debit);
  expect(new Set(hosts.map((host) => host.owner)).size).toBe(hosts.length);
  expect(hosts.length).toBeGreaterThanOrEqual(2);
  expect(await readdir(folder)).toEqual([]);
  expect(processesIn(folder)).toEqual([]);
}, 300_000);

test("a demo that is interrupted leaves no process and no folder", async () => {
  const folder = await temporaryFolder();
  const demo = execa(process.execPath, [packageFile("dist/peerllm.js"), "demo"], {
    env: { TMPDIR: folder },
    reject: false,
    buffer: false,
  });
  await once(demo.stderr, "data");
  await vi.waitUntil(() => processesIn(folder).length > 0, { timeout: 100_000 });
  demo.kill("SIGINT");
  expect((await demo).exitCode).toBe(130);
  expect(processesIn(folder)).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
}, 240_000);

test("a demo that is killed takes its daemons along", async () => {
  const folder = await temporaryFolder();
  const demo = execa(process.execPath, [packageFile("dist/peerllm.js"), "demo"], {
    env: { TMPDIR: folder },
    reject: false,
    buffer: false,
  });
  await vi.waitUntil(() => processesIn(folder).length > 0, { timeout: 100_000 });
  demo.kill("SIGKILL");
  await demo;
  await vi.waitUntil(() => processesIn(folder).length === 0, { timeout: 100_000 });
}, 240_000);
