import { readdir } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { peerllm, temporaryFolder } from "../worlds/command.ts";

test("none of many settings that are made at once is lost", async () => {
  const home = await temporaryFolder();
  const settings = {
    "network.port": 6,
    "network.billing": "off",
    "consume.port": 5,
    "consume.model": "acme/tiny",
    "chat.model": "acme/tiny",
    "host.threads": 2,
    "host.gpu": "off",
    "host.sequences": 3,
  };
  const set = ([key, value]: [string, unknown]) => peerllm(["config", "set", key, String(value)], { home });
  await Promise.all(Object.entries(settings).map(set));
  expect((await peerllm(["config", "list", "--json"], { home })).json()).toEqual(settings);
  expect(await readdir(home)).toEqual(["config.json"]);
});

test("a setting is for the command that it is documented for, and not for another with an option of that name", async () => {
  const home = await temporaryFolder();
  const run = (...words: string[]) => peerllm([...words, "--json"], { home });
  onTestFinished(async () => void (await run("network", "down", "--now")));
  await run("config", "set", "network.billing", "off");
  expect(await run("network", "up", "--port", "0")).toMatchObject({ code: 0 });
  await run("config", "set", "network.billing", "credits");
  const price = (await run("network", "price", "set", "0.80")).json();
  expect(price).toMatchObject({ usdPer100kTokens: "0.80", billing: "off" });

  await run("config", "set", "host.model", "acme/tiny");
  expect((await run("host", "benchmark")).json()).toMatchObject({ error: { code: "daemon_unreachable" } });
});
