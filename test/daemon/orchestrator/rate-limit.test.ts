import { describe, expect, it } from "vitest";
import { RateLimit } from "../../../daemon/orchestrator/rate-limit.ts";
import { type ApiKey, noBudget } from "../../../src/identity/api-key.ts";
import { newId } from "../../../src/ids.ts";
import { stillClock } from "../../worlds/still-clock.ts";

function keyWith(requestsPerMinute: number, tokensPerMinute: number): ApiKey {
  return {
    id: newId("key"),
    accountId: newId("account"),
    name: "k",
    prefix: "sk-peer",
    scopes: ["consume"],
    budget: noBudget,
    rateLimits: { requestsPerMinute, tokensPerMinute },
    createdAt: 0,
    revokedAt: null,
  };
}

describe("a key's rate limits", () => {
  it("let a minute's requests pass at once, then one at a time as they come back", () => {
    const clock = stillClock(0);
    const limit = new RateLimit(clock);
    const key = keyWith(3, 1_000);
    for (let count = 0; count < 3; count += 1) limit.takeRequest(key);
    const refusal = { code: "rate_limit_exceeded", retryAfterSeconds: 20 };
    expect(() => limit.takeRequest(key)).toThrow(expect.objectContaining(refusal));
    clock.move(19_999);
    expect(() => limit.takeRequest(key)).toThrow(expect.objectContaining({ retryAfterSeconds: 1 }));
    clock.move(1.001);
    expect(() => limit.takeRequest(key)).not.toThrow();
  });

  it("count tokens when they are known, and refuse until what was overdrawn is back", () => {
    const clock = stillClock(0);
    const limit = new RateLimit(clock);
    const key = keyWith(100, 600);
    limit.takeRequest(key);
    limit.takeTokens(key, 899);
    expect(() => limit.takeRequest(key)).toThrow(expect.objectContaining({ retryAfterSeconds: 30 }));
    clock.move(30_001);
    expect(() => limit.takeRequest(key)).not.toThrow();
  });

  it("are each key's own", () => {
    const limit = new RateLimit(stillClock(0));
    const [busy, other] = [keyWith(1, 10), keyWith(1, 10)];
    limit.takeRequest(busy);
    expect(() => limit.takeRequest(busy)).toThrow();
    expect(() => limit.takeRequest(other)).not.toThrow();
  });

  it("are kept for so many keys, and the longest unused is forgotten for another", () => {
    const limit = new RateLimit(stillClock(0), 2);
    const [first, second, third] = [keyWith(1, 10), keyWith(1, 10), keyWith(1, 10)];
    limit.takeRequest(first);
    limit.takeRequest(second);
    limit.headers(first);
    limit.takeRequest(third);
    expect(() => limit.takeRequest(first)).toThrow();
    expect(() => limit.takeRequest(second)).not.toThrow();
  });

  it("never save up more than a minute's worth", () => {
    const clock = stillClock(0);
    const limit = new RateLimit(clock);
    const key = keyWith(2, 10);
    limit.takeRequest(key);
    clock.move(3_600_000);
    limit.takeRequest(key);
    limit.takeRequest(key);
    expect(() => limit.takeRequest(key)).toThrow();
  });

  it("are told in the headers that OpenAI's clients read", () => {
    const limit = new RateLimit(stillClock(0));
    const key = keyWith(4, 1_200);
    limit.takeRequest(key);
    limit.takeTokens(key, 2_400);
    expect(limit.headers(key)).toEqual({
      "x-ratelimit-limit-requests": "4",
      "x-ratelimit-limit-tokens": "1200",
      "x-ratelimit-remaining-requests": "3",
      "x-ratelimit-remaining-tokens": "0",
      "x-ratelimit-reset-requests": "15s",
      "x-ratelimit-reset-tokens": "2m0s",
    });
  });

  it.each([
    [60_000, 0, "0s"],
    [60_000, 1, "1ms"],
    [60_000, 999, "999ms"],
    [60_000, 8_640, "8.64s"],
    [60_000, 60_000, "1m0s"],
    [60_000, 361_500, "6m1.5s"],
    [60_000, 3_600_000, "1h0m0s"],
    [7, 1, "8.572s"],
  ])("of %i tokens a minute with %i used are told to be full in %s, as OpenAI writes it", (perMinute, used, told) => {
    const limit = new RateLimit(stillClock(0));
    const key = keyWith(1, perMinute);
    limit.takeTokens(key, used);
    expect(limit.headers(key)["x-ratelimit-reset-tokens"]).toBe(told);
  });
});
