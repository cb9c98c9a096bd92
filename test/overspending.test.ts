import OpenAI, { APIError } from "openai";
import { afterAll, beforeAll, expect, it } from "vitest";
import { firstPriceSheet, priceAtMost, priceOfTokens, splitTokensMax } from "../src/ledger/pricing.ts";
import { addUsd, nanoUsd, parseUsd, zeroUsd } from "../src/money.ts";
import { type DemoNetwork, demoNetwork, demoReference } from "./worlds/demo-network.ts";

const requests = 200;
const affordable = 50;
const answerTokensMax = 8;
const sheet = firstPriceSheet("credits", 0);
/** What admission adds to a prompt for placeholders that are longer than what they stand for. */
const maskingTokens = 64;

let network: DemoNetwork;
beforeAll(async () => {
  network = await demoNetwork({ hosts: 2 });
});
afterAll(() => network.close());

function ask(apiKey: string) {
  return new OpenAI({ baseURL: `${network.url}/v1`, apiKey, maxRetries: 0 }).chat.completions.create({
    model: demoReference,
    messages: [{ role: "user", content: "What is PeerLLM?" }],
    temperature: 0,
    max_tokens: answerTokensMax,
  });
}

it("serves what fits of 200 requests at once on a key with a budget for 50, and refuses the rest for want of quota", async () => {
  const { usage } = await ask(network.apiKey);
  const tokensMax = splitTokensMax((usage?.prompt_tokens ?? 0) + maskingTokens + answerTokensMax);
  const each = priceAtMost(sheet, tokensMax, zeroUsd);
  const budget = nanoUsd(each * BigInt(affordable));
  const apiKey = await network.keyWithBudget(budget);
  const before = (await network.books.balance(network.consumer)).available;

  const outcomes = await Promise.allSettled(Array.from({ length: requests }, () => ask(apiKey)));

  const served = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value.usage] : []));
  const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
  expect(served.length).toBeGreaterThanOrEqual(affordable);
  expect(refused.length).toBeGreaterThan(0);
  expect(
    new Set(refused.map((error) => (error instanceof APIError ? `${error.status} ${error.code}` : error))),
  ).toEqual(new Set(["402 insufficient_quota"]));
  const spent = addUsd(...served.map((used) => priceOfTokens(sheet, used?.total_tokens ?? 0)));
  const { available, held } = await network.books.balance(network.consumer);
  expect(spent).toBeLessThanOrEqual(budget);
  expect(addUsd(spent, available)).toBe(before);
  expect(held).toBe(0n);
  expect(before).toBeLessThan(parseUsd("1"));
  expect((await network.books.audit()).balanced).toBe(true);
});
