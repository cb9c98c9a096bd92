import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { execa } from "execa";
import { expect, onTestFinished, test, vi } from "vitest";
import * as z from "zod";
import { parseUsd } from "../../src/money.ts";
import { packageFile } from "../../src/paths.ts";
import { peerllm, peerllmInto, processesIn, temporaryFolder } from "../worlds/command.ts";

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
  // It is of no network and no account that the environment names.
  const env = { TMPDIR: folder, PEERLLM_NETWORK: "http://127.0.0.1:1", PEERLLM_API_KEY: "sk-peer-none" };
  const ran = await peerllm(["demo", "--json"], { env });
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

/** What curl makes of `URL -H HEADER -d BODY`, for machines without it. */
const post = `
  const [url, , header, , body] = process.argv.slice(1);
  const [name, value] = header.split(": ");
  fetch(url, { method: "POST", headers: { [name]: value }, body }).then((reply) => reply.text()).then(console.log);
`;

test("the lines that a kept demo prints work as they are pasted, until it is told to go", async () => {
  const folder = await temporaryFolder();
  const env = { TMPDIR: folder };
  const kept = await peerllm(["demo", "--keep"], { env });
  expect(kept.code, kept.stderr).toBe(0);
  const down = /peerllm (demo down \S+)/.exec(kept.stdout)?.[1] ?? "";
  onTestFinished(async () => void (await peerllm(down.split(" "), { env })));

  const curl = /^ {2}curl .+\\\n.+$/m.exec(kept.stdout)?.[0] ?? "";
  const reply = await execa("bash", ["-c", `curl() { "$NODE" -e "$POST" -- "$@"; }\n${curl}`], {
    env: { NODE: process.execPath, POST: post },
  });
  expect(JSON.parse(reply.stdout)).toMatchObject({ choices: [{ message: { content: expect.stringMatching(/\w/) } }] });

  const program = /^ {2}import OpenAI[\s\S]+?^ {2}\}\);$/m.exec(kept.stdout)?.[0] ?? "";
  const print = "console.log(answer.choices[0].message.content);";
  const typed = execa(process.execPath, ["--input-type=module", "-e", `${program}\n${print}`], {
    cwd: packageFile("."),
  });
  expect((await typed).stdout).toMatch(/\w/);

  const look = /peerllm (network status --home \S+)/.exec(kept.stdout)?.[1] ?? "";
  expect((await peerllm(look.split(" "), { env })).stdout).toMatch(/^requests .*3 completed/m);
  expect(await peerllm([...down.split(" "), "--json"], { env })).toMatchObject({ code: 0, stderr: "" });
  expect(await readdir(folder)).toEqual([]);
  expect(processesIn(folder)).toEqual([]);
}, 300_000);

test("a demo whose reader goes away is not kept: nobody was told how to stop it", async () => {
  const folder = await temporaryFolder();
  const ran = await peerllmInto("| head -c1", ["demo", "--keep"], { env: { TMPDIR: folder } });
  expect([ran.code, ran.stdout]).toEqual([0, expect.stringMatching(/^.$/)]);
  expect(processesIn(folder)).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
}, 240_000);

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
