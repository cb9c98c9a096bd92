import { expect, it } from "vitest";
import { newId } from "../../../src/ids.ts";
import { type AuditClaims, type AuditEntry, newAudit } from "../../../src/ledger/audit.ts";

const owner = newId("account");
const noClaims: AuditClaims = {
  balances: [],
  openHolds: [],
  hostEarnings: new Map(),
  producerEarnings: new Map(),
  charged: new Map(),
  closedOpenHolds: [],
};

function moved(transfer: number, from: AuditEntry["accountKind"], to: AuditEntry["accountKind"], amount: bigint) {
  const entry = { transfer, kind: "correction" as const, owner };
  return [
    { ...entry, accountKind: from, amount: -amount },
    { ...entry, accountKind: to, amount },
  ];
}

function audited(entries: readonly AuditEntry[], claims: Partial<AuditClaims>) {
  const audit = newAudit();
  for (const entry of entries) audit.add(entry);
  return audit.conclude({ ...noClaims, ...claims });
}

it("finds a balance that was below zero for a while, though it is not at the end", () => {
  const entries = [
    ...moved(1, "consumer-credit", "host-payable", 5n),
    ...moved(2, "host-payable", "consumer-credit", 5n),
  ];
  const balances = (["consumer-credit", "host-payable"] as const).map((kind) => ({ kind, owner, balance: 0n }));
  const problems = [`consumer-credit:${owner} fell below zero in transfer 1.`];
  expect(audited(entries, { balances })).toMatchObject({ balanced: false, problems });
});

it.each([
  ["paypal-clearing", []],
  ["paypal-fees", [`paypal-fees:${owner} fell below zero in transfer 1.`]],
] as const)("lets only the balance at PayPal be overdrawn: %s", (kind, problems) => {
  const balances = [
    { kind: "promotions", owner, balance: -5n },
    { kind, owner, balance: 5n },
  ] as const;
  const totals = { promotions: 5n, [kind]: -5n };
  expect(audited(moved(1, "promotions", kind, 5n), { balances })).toMatchObject({ problems, totals });
});

it("finds a hold that stays open after its settlement", () => {
  const holdId = newId("hold");
  expect(audited([], { closedOpenHolds: [holdId] })).toMatchObject({
    balanced: false,
    problems: [`${holdId} was settled or released and is still open.`],
  });
});

it("tells at most twenty problems, however many there are", () => {
  const closedOpenHolds = Array.from({ length: 50 }, () => newId("hold"));
  expect(audited([], { closedOpenHolds }).problems).toHaveLength(20);
});
