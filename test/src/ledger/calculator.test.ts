import { expect, it } from "vitest";
import { forecastEarnings, subscriptionTokens } from "../../../src/ledger/calculator.ts";
import { firstPriceSheet } from "../../../src/ledger/pricing.ts";
import { parseUsd, zeroUsd } from "../../../src/money.ts";

const scenario = { tokensPerSecond: 10, conversations: 2, hosts: 3, hours: 24 };
const costs = { electricity: parseUsd("12.50"), internet: parseUsd("7.50") };

it("a forecast counts every second of a month of 30 days, and takes the costs off", () => {
  expect(forecastEarnings(firstPriceSheet("credits", 0), { ...scenario, ...costs })).toEqual({
    tokens: 155_520_000,
    gross: parseUsd("1555.2"),
    hostShare: parseUsd("1477.44"),
    costs: parseUsd("20"),
    net: parseUsd("1457.44"),
  });
});

it.each([
  [0.3, 1, 24, 777_600],
  [0.1, 3, 8.5, 275_400],
  [1.1, 7, 24, 19_958_400],
  [0.000001, 1, 1, 0],
])(
  "%s tokens a second in %i conversations, %s hours a day, are %i tokens to the last one",
  (rate, conversations, hours, tokens) => {
    const month = { tokensPerSecond: rate, conversations, hosts: 1, hours, ...costs };
    expect(forecastEarnings(firstPriceSheet("credits", 0), month).tokens).toBe(tokens);
  },
);

it("where hosts subscribe, every host's subscription is a cost, and a month may end below zero", () => {
  const idle = { ...scenario, hours: 0, ...costs };
  expect(forecastEarnings(firstPriceSheet("paypal", 0), idle)).toMatchObject({
    costs: parseUsd("35"),
    net: parseUsd("-35"),
  });
});

it("500,000 tokens pay a month's subscription only nearly", () => {
  const month = { tokensPerSecond: 500_000 / (30 * 3_600), conversations: 1, hosts: 1, hours: 1 };
  const { hostShare } = forecastEarnings(firstPriceSheet("paypal", 0), { ...month, ...costs });
  expect(hostShare).toBe(parseUsd("4.75"));
});

it("tells exactly what 500,000 tokens leave a host, and the fewest that pay its subscription", () => {
  const sheet = firstPriceSheet("paypal", 0);
  const { tokens, hostShare, subscription, tokensToPay } = subscriptionTokens(sheet);
  expect({ tokens, hostShare, subscription }).toEqual({
    tokens: 500_000,
    hostShare: parseUsd("4.75"),
    subscription: parseUsd("5"),
  });
  const shareOf = (count: number) => {
    const second = { tokensPerSecond: count / (30 * 3_600), conversations: 1, hosts: 1, hours: 1 };
    return forecastEarnings(sheet, { ...second, electricity: zeroUsd, internet: zeroUsd }).hostShare;
  };
  expect(shareOf((tokensToPay ?? 0) + 0.5)).toBeGreaterThanOrEqual(subscription);
  expect(shareOf((tokensToPay ?? 0) - 0.5)).toBeLessThan(subscription);
});

it.each([
  ["0.80", 9_250, "6", { tokens: 800_000, hostShare: "5.92", tokensToPay: 810_811 }],
  ["1", 10_000, "5", { tokens: 400_000, hostShare: "4", tokensToPay: 500_000 }],
  ["100", 9_500, "0.01", { tokens: 10, hostShare: "0.0095", tokensToPay: 11 }],
  ["0", 9_500, "5", { tokens: 0, hostShare: "0", tokensToPay: null }],
  ["1", 0, "5", { tokens: 0, hostShare: "0", tokensToPay: null }],
])("at $%s and %i basis points, a round number is not quite a subscription of $%s", (price, share, monthly, told) => {
  const sheet = {
    ...firstPriceSheet("paypal", 0),
    per100kTokens: parseUsd(price),
    hostShareBasisPoints: share,
    hostSubscription: parseUsd(monthly),
  };
  const subscription = parseUsd(monthly);
  expect(subscriptionTokens(sheet)).toEqual({ ...told, hostShare: parseUsd(told.hostShare), subscription });
});
