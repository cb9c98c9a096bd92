import { describe, expect, it } from "vitest";
import { newId } from "../../../src/ids.ts";
import { networkAccount, ownedAccount } from "../../../src/ledger/account.ts";
import { assertBalanced, hashOfRequest, type Transfer } from "../../../src/ledger/transfer.ts";
import { parseUsd } from "../../../src/money.ts";

const owner = newId("account");
const transfer: Transfer = {
  kind: "credit",
  idempotencyKey: "grant:1",
  requestHash: "00",
  reference: null,
  legs: [
    { account: networkAccount("promotions"), amount: parseUsd("-3") },
    { account: ownedAccount("consumer-credit", owner), amount: parseUsd("3") },
  ],
};

describe("transfer", () => {
  it("is refused where its legs make money", () => {
    const legs = [...transfer.legs, { account: networkAccount("rounding"), amount: parseUsd("0.000000001") }];
    expect(() => assertBalanced(transfer)).not.toThrow();
    expect(() => assertBalanced({ ...transfer, legs })).toThrow("off balance by 1 nano-dollars");
  });

  it("hashes what was asked, whatever the order of its fields", () => {
    const hash = hashOfRequest({ amount: parseUsd("1"), to: { a: 1, b: [2, 3] } });
    expect(hashOfRequest({ to: { b: [2, 3], a: 1 }, amount: parseUsd("1") })).toBe(hash);
    expect(hashOfRequest({ to: { b: [3, 2], a: 1 }, amount: parseUsd("1") })).not.toBe(hash);
  });
});
