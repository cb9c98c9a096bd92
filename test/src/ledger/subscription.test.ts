import { describe, expect, it } from "vitest";
import { newId } from "../../../src/ids.ts";
import { graceMs, monthAfter, type Subscription, standingOf } from "../../../src/ledger/subscription.ts";
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

describe("a host's subscription", () => {
  it.each([
    ["ACTIVE", paidThrough - 1, "paid"],
    ["ACTIVE", paidThrough, "grace"],
    ["SUSPENDED", paidThrough + graceMs - 1, "grace"],
    ["ACTIVE", paidThrough + graceMs, "unpaid"],
    ["CANCELLED", paidThrough - 1, "paid"],
    ["CANCELLED", paidThrough, "unpaid"],
    ["EXPIRED", paidThrough, "unpaid"],
  ] as const)("that is %s at %i is %s", (status, now, standing) => {
    expect(standingOf({ ...subscription, status }, now)).toBe(standing);
  });

  it("is unpaid before the first payment, and where there is none", () => {
    expect(standingOf({ ...subscription, paidThrough: null }, 0)).toBe("unpaid");
    expect(standingOf(null, 0)).toBe("unpaid");
  });

  it.each([
    ["2026-01-31T05:00:00Z", "2026-02-28T05:00:00Z"],
    ["2028-01-31T05:00:00Z", "2028-02-29T05:00:00Z"],
    ["2026-12-15T23:59:59Z", "2027-01-15T23:59:59Z"],
  ])("paid on %s is paid through %s", (from, through) => {
    expect(monthAfter(Date.parse(from))).toBe(Date.parse(through));
  });
});
