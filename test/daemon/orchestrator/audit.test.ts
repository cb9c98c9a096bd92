import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { auditNetwork, reconcileNetwork } from "../../../daemon/orchestrator/audit.ts";
import { newId } from "../../../src/ids.ts";
import { parseUsd } from "../../../src/money.ts";
import { PayPalSimulator } from "../../paypal-simulator/simulator.ts";
import { freshDatabase, type OpenDatabase } from "../../worlds/database.ts";
import { openEconomy } from "../../worlds/treasury.ts";

const consumer = newId("account");
let simulator: PayPalSimulator;
let open: OpenDatabase;
let economy: ReturnType<typeof openEconomy>;

beforeEach(async () => {
  simulator = await PayPalSimulator.start();
  open = await freshDatabase();
  economy = openEconomy(open.database, simulator);
  const payment = await economy.treasury.topUp(consumer, parseUsd("20"));
  await simulator.approve(payment.approvalUrl ?? "");
  await economy.treasury.payment(consumer, payment.id);
});
afterEach(async () => {
  await economy.treasury.close();
  await simulator.close();
  await open.close();
});

describe("an audit", () => {
  it.each([
    ["answers with an error", "error", "it answered 500"],
    ["takes no more requests for now", "busy", "it answered 429"],
    ["breaks the connection", "lost-answer", "did not say"],
  ] as const)(
    "where PayPal %s proves the books all the same, and says why they are not compared",
    async (_, kind, why) => {
      simulator.faults.push({ match: /reporting/, kind });
      expect(await auditNetwork(economy.books, economy.treasury)).toMatchObject({
        balanced: true,
        problems: [],
        paypal: { comparison: "unavailable", why: expect.stringContaining(why), paypalUsd: null, booksUsd: "18.81" },
      });
    },
  );

  it("tells what the books lack and changes nothing; reconciling posts it", async () => {
    const [captureId = ""] = simulator.orders.captureIds();
    const refundId = simulator.orders.refund(captureId, 500);
    for (let times = 0; times < 2; times += 1) {
      expect(await auditNetwork(economy.books, economy.treasury)).toMatchObject({
        balanced: false,
        problems: [],
        paypal: {
          comparison: "different",
          why: "The books lack 1 of PayPal's transactions, and PayPal lacks 0 of theirs.",
          isEqual: false,
          lacking: [{ transaction: refundId, code: "T1107", usd: "-5.00" }],
        },
      });
    }
    expect(await reconcileNetwork(economy.treasury)).toMatchObject({ comparison: "equal", posted: 1, isEqual: true });
    expect(await auditNetwork(economy.books, economy.treasury)).toMatchObject({
      balanced: true,
      paypal: { comparison: "equal", why: null, paypalUsd: "13.81", booksUsd: "13.81", lacking: [] },
    });
  });

  it("of a network without PayPal has nothing to compare", async () => {
    expect(await auditNetwork(economy.books, null)).toMatchObject({ balanced: true, paypal: null });
    await expect(reconcileNetwork(null)).rejects.toMatchObject({ code: "parameter_unsupported" });
  });
});
