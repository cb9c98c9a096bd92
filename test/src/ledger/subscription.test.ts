import { describe, expect, it } from "vitest";
import { newId } from "../../../src/ids.ts";
import { firstPriceSheet } from "../../../src/ledger/pricing.ts";
import { monthAfter, type Subscription, standingOf } from "../../../src/ledger/subscription.ts";
import { parseUsd, zeroUsd } from "../../../src/money.ts";

const paidThrough = Date.UTC(2026, 10, 30);
const subscription: Subscription = {
  id: newId("subscription"),
  accountId: newId("account"),
  purpose: { kind: "host", hostId: newId("host") },
  monthly: parseUsd("5"),
  status: "ACTIVE",
  funding: "paypal",
  paypalId: "I-1",
  approvalUrl: null,
  paidThrough,
  outstanding: zeroUsd,
  createdAt: 0,
  updatedAt: 0,
};

const graceMs = 5 * 86_400_000;
const sheets = [
  { ...firstPriceSheet("paypal", 0), graceDays: 5 },
  { ...firstPriceSheet("paypal", paidThrough + 1), graceDays: 1 },
];

describe("a host's subscription", () => {
  it.each([
    ["ACTIVE", paidThrough - 1, "paid"],
    // The five days that were said when the payment fell due, not the one said since.
    ["ACTIVE", paidThrough, "grace"],
    ["SUSPENDED", paidThrough + graceMs - 1, "grace"],
    ["ACTIVE", paidThrough + graceMs, "unpaid"],
    ["CANCELLED", paidThrough - 1, "paid"],
    ["CANCELLED", paidThrough, "unpaid"],
    ["EXPIRED", paidThrough, "unpaid"],
  ] as const)("that is %s at %i is %s", (status, now, standing) => {
    expect(standingOf({ ...subscription, status }, sheets, now)).toBe(standing);
  });

  it("of a network that gives no grace is unpaid with the first late moment", () => {
    const strict = sheets.map((sheet) => ({ ...sheet, graceDays: 0 }));
    expect(standingOf(subscription, strict, paidThrough - 1)).toBe("paid");
    expect(standingOf(subscription, strict, paidThrough)).toBe("unpaid");
  });

  it("is unpaid before the first payment, and where there is none", () => {
    expect(standingOf({ ...subscription, paidThrough: null }, sheets, 0)).toBe("unpaid");
    expect(standingOf(null, sheets, 0)).toBe("unpaid");
  });

  it.each([
    ["2026-01-31T05:00:00Z", "2026-02-28T05:00:00Z"],
    ["2028-01-31T05:00:00Z", "2028-02-29T05:00:00Z"],
    ["2026-12-15T23:59:59Z", "2027-01-15T23:59:59Z"],
  ])("paid on %s is paid through %s", (from, through) => {
    expect(monthAfter(Date.parse(from))).toBe(Date.parse(through));
  });
});
