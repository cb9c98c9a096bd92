import { readdir } from "node:fs/promises";
import { expect, test } from "vitest";
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
