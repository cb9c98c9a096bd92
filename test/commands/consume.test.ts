import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { parseUsd } from "../../src/money.ts";
import { packageFile } from "../../src/paths.ts";
import { peerllm, processesIn, temporaryFolder } from "../worlds/command.ts";
import { ggufFile } from "../worlds/gguf-file.ts";

const answerSchema = z.looseObject({
  answer: z.string().min(1),
  usage: z.object({ promptTokens: z.int(), completionTokens: z.int() }),
  peerllm: z.looseObject({ receipt: z.string() }),
});

test("from publication to payment, by commands alone", async () => {
  const root = await temporaryFolder();
  const at = (name: string) => join(root, name);
  const run = async (name: string, words: string[], code = 0): Promise<unknown> => {
    const ran = await peerllm([...words, "--json"], { home: at(name) });
    expect(ran, `${words.join(" ")}: ${ran.stdout}${ran.stderr}`).toMatchObject({ code });
    return ran.json();
  };
  const downs = { consumer: ["consume"], host: ["host"], operator: ["network"] };
  onTestFinished(async () => {
    for (const [name, words] of Object.entries(downs)) await peerllm([...words, "down", "--now"], { home: at(name) });
  });

  const { url, networkId } = z
    .looseObject({ url: z.string(), networkId: z.string() })
    .parse(await run("operator", ["network", "up", "--port", "0"]));
  const onNetwork = ["--network", url];
  const model = packageFile("src/models/demo/demo.gguf");
  const publish = ["producer", "publish", model, "--name", "acme/tiny", "--version", "1.2.0", "--license", "MIT"];
  expect(await run("producer", [...publish, ...onNetwork])).toMatchObject({ model: "acme/tiny:1.2.0" });
  const noise = at("noise.gguf");
  await writeFile(noise, ggufFile());
  const publishNoise = ["producer", "publish", noise, "--name", "acme/noise", "--version", "1.0.0"];
  expect(await run("producer", [...publishNoise, ...onNetwork], 2)).toMatchObject({ error: { code: "model_invalid" } });
  const hostUp = ["host", "up", "--model", "acme/tiny:1.2.0", "--threads", "1", "--gpu", "off"];
  const host = z.looseObject({ hostId: z.string() }).parse(await run("host", [...hostUp, ...onNetwork]));
  expect(host).toMatchObject({ models: ["acme/tiny:1.2.0"] });

  const { accountId } = z
    .object({ accountId: z.string(), apiKey: z.string() })
    .parse(await run("consumer", ["account", "create", ...onNetwork]));
  const ask = ["chat", "What is PeerLLM?", "--max-tokens", "16", "--temperature", "0"];
  expect(await run("consumer", ask, 3)).toMatchObject({ error: { code: "insufficient_quota" } });
  expect(await run("operator", ["network", "credit", accountId, "1"])).toMatchObject({ available: "1.00" });

  const { baseUrl } = z
    .looseObject({ baseUrl: z.string() })
    .parse(await run("consumer", ["consume", "--detach", "--port", "0"]));
  expect(baseUrl).toMatch(/\/v1$/);
  const answered = answerSchema.parse(await run("consumer", ask));
  expect(await run("consumer", ["consume", "status"])).toMatchObject({ baseUrl, requests: { completed: 1 } });
  expect(await run("consumer", ["models"])).toMatchObject({ models: [{ model: "acme/tiny:1.2.0", hosts: 1 }] });

  const { receipt } = answered.peerllm;
  const shown = await run("consumer", ["receipts", "show", receipt]);
  const tokens = answered.usage.promptTokens + answered.usage.completionTokens;
  expect(shown).toMatchObject({ receipt, hosts: [{ id: host.hostId }], usage: answered.usage });
  const { available } = z
    .object({ available: z.string(), held: z.literal("0.00") })
    .parse(await run("consumer", ["billing", "balance"]));
  expect(parseUsd("1") - parseUsd(available)).toBe(BigInt(tokens) * 10_000n);
  expect(await run("consumer", ["billing", "usage"])).toMatchObject({ rows: [{ requests: 1 }] });
  expect(await run("operator", ["network", "audit"])).toMatchObject({ balanced: true });

  const file = at("receipt.json");
  await writeFile(file, JSON.stringify(shown));
  expect(await run("nobody", ["receipts", "verify", file, "--network-id", networkId])).toMatchObject({
    valid: true,
    receipt,
  });
  await writeFile(file, (await readFile(file, "utf8")).replace('"failovers":0,"usage"', '"failovers":1,"usage"'));
  expect(await run("nobody", ["receipts", "verify", file], 5)).toMatchObject({ error: { code: "receipt_invalid" } });

  await run("consumer", ["consume", "down"]);
  await run("host", ["host", "down"]);
  await run("operator", ["network", "down"]);
  expect(processesIn(root)).toEqual([]);
}, 600_000);
