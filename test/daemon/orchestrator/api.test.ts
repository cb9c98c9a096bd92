import OpenAI, { APIError } from "openai";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createGateway } from "../../../src/client/gateway.ts";
import { type Claimant, claimHeader, sealClaim } from "../../../src/models/claim.ts";
import { signedManifestJson } from "../../../src/models/manifest.ts";
import { addUsd, formatUsd, nanoUsd, parseUsd } from "../../../src/money.ts";
import { routes } from "../../../src/protocol/api.ts";
import { economyRoutes } from "../../../src/protocol/economy-api.ts";
import { type DemoNetwork, demoNetwork, demoReference } from "../../worlds/demo-network.ts";
import { type TestModel, testModel } from "../../worlds/published-model.ts";

const { signal } = new AbortController();
let network: DemoNetwork;
beforeAll(async () => {
  network = await demoNetwork({ hosts: 1, tokensPerSecondMax: 20 });
});
afterAll(() => network.close());

type NewKey = Parameters<typeof newKey>[0];

function newKey(wanted: {
  scopes?: ("consume" | "produce" | "host" | "admin")[];
  budgetUsdPerDay?: string;
  budgetUsdPerMonth?: string;
  requestsPerMinute?: number;
  tokensPerMinute?: number;
}) {
  return gateway(network.apiKey).call(routes["keys-create"], { name: "app", ...wanted }, signal);
}

function gateway(apiKey: string) {
  return createGateway({ url: network.url, apiKey });
}

function chat(apiKey: string, maxTokens: number) {
  const client = new OpenAI({ baseURL: `${network.url}/v1`, apiKey, maxRetries: 0 });
  const messages = [{ role: "user" as const, content: "What is PeerLLM?" }];
  return { client, request: { model: demoReference, messages, temperature: 0, max_tokens: maxTokens } };
}

async function remainingTokens(apiKey: string): Promise<number> {
  const answer = await fetch(`${network.url}/v1/models`, { headers: { authorization: `Bearer ${apiKey}` } });
  await answer.arrayBuffer();
  return Number(answer.headers.get("x-ratelimit-remaining-tokens"));
}

describe("a key without the scope admin", () => {
  it.each([
    ["list keys", routes["keys-list"], {}],
    ["make a key, and so get around its budget", routes["keys-create"], { name: "free" }],
    ["revoke keys", routes["keys-revoke"], {}],
    ["spend credit on a model", economyRoutes["model-buy"], {}],
    ["spend credit every month", economyRoutes["model-subscribe"], {}],
    ["subscribe", economyRoutes["subscription-begin"], { usd: "5" }],
    ["cancel subscriptions", economyRoutes["subscription-cancel"], {}],
    ["see where earnings go", economyRoutes["payout-settings-show"], {}],
    ["send earnings elsewhere", economyRoutes["payout-settings-set"], { receiver: "thief@example.com" }],
    ["have earnings paid", economyRoutes["payout-request"], {}],
  ])("may not %s", async (_what, { method, path }, json) => {
    const { apiKey } = await newKey({ scopes: ["consume", "produce", "host"] });
    const request = { method, path: path.replaceAll(":", ""), ...(method === "POST" ? { json } : {}) };
    const refused = { code: "permission_denied", message: expect.stringContaining('"admin"') };
    await expect(gateway(apiKey).send(request, signal)).rejects.toMatchObject(refused);
  });

  it("may read what it spends", async () => {
    const { apiKey } = await newKey({ scopes: ["consume"], budgetUsdPerDay: "0.01" });
    expect(await gateway(apiKey).call(routes["billing-usage"], {}, signal)).toMatchObject({ rows: expect.any(Array) });
  });
});

describe("keys", () => {
  it("are listed with what they may, spend and send", async () => {
    const wanted: NewKey = {
      scopes: ["consume"],
      budgetUsdPerMonth: "2.5",
      requestsPerMinute: 7,
      tokensPerMinute: 700,
    };
    const { keyId, apiKey } = await newKey(wanted);
    const { keys } = await gateway(network.apiKey).call(routes["keys-list"], {}, signal);
    const limits = { budgetUsdPerDay: null, budgetUsdPerMonth: "2.50", requestsPerMinute: 7, tokensPerMinute: 700 };
    expect(keys.find((key) => key.keyId === keyId)).toMatchObject({ scopes: ["consume"], revokedAt: null, ...limits });
    expect(JSON.stringify(keys)).not.toContain(apiKey);
  });

  it.each([
    ["a budget that it could get around", { scopes: ["admin"], budgetUsdPerDay: "1" }],
    ["more requests than others", { requestsPerMinute: 10_001 }],
    ["more tokens than others", { tokensPerMinute: 20_000_001 }],
  ] satisfies [string, NewKey][])("are not made with %s", async (_what, wanted) => {
    await expect(newKey(wanted)).rejects.toMatchObject({ code: "request_invalid" });
  });

  it("are of no use from the moment they are revoked", async () => {
    const { keyId, apiKey } = await newKey({ scopes: ["consume"] });
    expect(await remainingTokens(apiKey)).toBeGreaterThan(0);
    await gateway(network.apiKey).call(routes["keys-revoke"], {}, signal, { keyId });
    const { client, request } = chat(apiKey, 4);
    const refused = { status: 401, code: "authentication_failed" };
    await expect(client.chat.completions.create(request)).rejects.toMatchObject(refused);
  });
});

describe("a key's limits", () => {
  it("are told with each answer, itself counted, and refuse what is beyond them until it is time", async () => {
    const { apiKey } = await newKey({ scopes: ["consume"], requestsPerMinute: 1, tokensPerMinute: 60 });
    const { client, request } = chat(apiKey, 8);
    const { data, response } = await client.chat.completions.create(request).withResponse();
    expect(response.headers.get("x-ratelimit-limit-requests")).toBe("1");
    expect(response.headers.get("x-ratelimit-remaining-requests")).toBe("0");
    expect(response.headers.get("x-ratelimit-reset-requests")).toMatch(/^(\d+(\.\d+)?s|1m0s)$/);
    const left = Number(response.headers.get("x-ratelimit-remaining-tokens"));
    expect(left).toBeLessThan(60);
    expect(left).toBeGreaterThanOrEqual(Math.max(0, 60 - (data.usage?.total_tokens ?? 0)));
    const refusal: unknown = await client.chat.completions.create(request).catch((error: unknown) => error);
    if (!(refusal instanceof APIError)) throw new Error("The second request was answered.");
    expect([refusal.status, refusal.code]).toEqual([429, "rate_limit_exceeded"]);
    expect(Number(refusal.headers?.get("retry-after"))).toBeGreaterThan(0);
    expect(refusal.headers?.get("x-ratelimit-remaining-requests")).toBe("0");
    await expect(client.moderations.create({ input: "x" }), "these count too").rejects.toMatchObject({ status: 429 });
  });

  it("count the tokens of an answer that was hung up on", async () => {
    const { apiKey } = await newKey({ scopes: ["consume"], tokensPerMinute: 60 });
    const { client, request } = chat(apiKey, 200);
    const asked = { ...request, stream: true as const };
    const stream = await client.chat.completions.create(asked);
    for await (const _chunk of stream) break;
    stream.controller.abort();
    await vi.waitUntil(async () => (await remainingTokens(apiKey)) < 60, { timeout: 30_000, interval: 50 });
  });
});

describe("what an account spends", () => {
  it("is told by day, model and key, each to the nano, and is what its statement says", async () => {
    const keys = [await newKey({ scopes: ["consume"] }), await newKey({ scopes: ["consume"] })];
    for (const { apiKey } of [...keys, ...keys.slice(0, 1)]) {
      const { client, request } = chat(apiKey, 4);
      await client.chat.completions.create(request);
    }
    const own = gateway(network.apiKey);
    const usage = async (by: "day" | "model" | "key") => (await own.call(routes["billing-usage"], { by }, signal)).rows;
    const [days, models, byKey] = [await usage("day"), await usage("model"), await usage("key")];
    const ofKeys = keys.map(({ keyId }) => byKey.find(({ group }) => group === keyId)?.requests);
    expect(ofKeys).toEqual([2, 1]);
    expect(byKey.map(({ name }) => name)).toContain("app");
    expect(days.map(({ name }) => name)).toEqual(days.map(() => null));
    expect(models.map(({ group }) => group)).toEqual([demoReference]);
    for (const { group } of days) expect(group).toMatch(/^\d{4}-\d\d-\d\d$/);
    const spent = parseUsd("1") - parseUsd((await own.call(routes["billing-balance"], {}, signal)).available);
    for (const rows of [days, models, byKey]) {
      expect(addUsd(...rows.map(({ costUsd }) => parseUsd(costUsd)))).toBe(spent);
      const tokens = rows.reduce((sum, row) => sum + row.promptTokens + row.completionTokens, 0);
      expect(BigInt(tokens) * 10_000n).toBe(spent);
    }

    const months = new Set(days.map(({ group }) => group.slice(0, 7)));
    const ask = (month: string) => own.call(economyRoutes["billing-statement"], { month }, signal);
    const statements = await Promise.all([...months].map(ask));
    const lines = statements.flatMap((statement) => statement.lines).filter(({ kind }) => kind === "settle");
    expect(addUsd(...lines.map(({ usd }) => parseUsd(usd)))).toBe(-spent);
    for (const statement of statements) {
      const credit = statement.lines.filter(({ account }) => account === "consumer-credit");
      const moved = addUsd(...credit.map(({ usd }) => parseUsd(usd)));
      expect(parseUsd(statement.openingUsd ?? "") + moved).toBe(parseUsd(statement.closingUsd ?? ""));
    }
    expect(statements.at(-1)?.closingUsd).toBe(formatUsd(nanoUsd(parseUsd("1") - spent)));
    const rows = statements.flatMap(({ csv }) => csv.split("\r\n").slice(1, -1));
    const settled = rows.map((row) => row.split(",")).filter(([, kind]) => kind === "settle");
    expect(settled.map((fields) => fields[3])).toEqual(lines.map(({ usd }) => usd));
    expect(settled.every((fields) => fields.length === 6 && fields[5]?.startsWith("receipt_"))).toBe(true);
  });
});

describe("a manifest that its producer signed, where models earn", () => {
  async function publish(claim: string | null) {
    const headers = claim === null ? {} : { [claimHeader]: claim };
    const request = { method: "PUT", path: "/api/v1/registry/models/acme/tiny/1.0.0", headers } as const;
    return gateway(network.apiKey).send({ ...request, json: signedManifestJson(model.signed) }, signal);
  }
  let model: TestModel;
  let claimant: Claimant;
  beforeAll(async () => {
    model = await testModel();
    const { networkId } = await gateway(network.apiKey).call(routes["network-show"], {}, signal);
    claimant = { networkId, accountId: network.consumer };
  });

  it("is not published for an account that its producer's key did not name", async () => {
    const { manifest } = model.signed;
    const stolen = sealClaim(manifest, { ...claimant, accountId: network.producer }, model.key);
    await expect(publish(null)).rejects.toMatchObject({ code: "permission_denied" });
    await expect(publish(stolen)).rejects.toMatchObject({ code: "signature_invalid" });
  });

  it("is taken for the account that it named", async () => {
    const claim = sealClaim(model.signed.manifest, claimant, model.key);
    // The file has not been sent: what is asked for next.
    await expect(publish(claim)).rejects.toMatchObject({ code: "not_found", message: expect.stringContaining("0 of") });
  });
});
