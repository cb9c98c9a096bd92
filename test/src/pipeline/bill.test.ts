import fc from "fast-check";
import { expect, it } from "vitest";
import { noBudget } from "../../../src/identity/api-key.ts";
import { generateKeyPair } from "../../../src/identity/key.ts";
import { newId } from "../../../src/ids.ts";
import { firstPriceSheet, priceOfTokens, splitTokensMax } from "../../../src/ledger/pricing.ts";
import { divideSettlement } from "../../../src/ledger/settlement.ts";
import { nanoUsd, zeroUsd } from "../../../src/money.ts";
import { type Billable, bill } from "../../../src/pipeline/8-bill.ts";
import { PromptMeter } from "../../../src/pipeline/prompt-meter.ts";
import { Exposure } from "../../../src/scheduling/exposure.ts";
import { type SignedReceipt, verifyReceipt } from "../../../src/verification/receipt.ts";
import { letterTokenizers } from "../../worlds/dispatch-simulation.ts";
import { MemoryBooks } from "../../worlds/memory-books.ts";
import { ReadingHost, readingDigest } from "../../worlds/reading-host.ts";
import { stillClock } from "../../worlds/still-clock.ts";

const held = nanoUsd(10n ** 12n);
const host = new ReadingHost("");

interface Part {
  readonly promptTokens: number;
  readonly answerTokens: number;
}

/** A request whose hidden parts fed one shown answer, all of it done and released. */
async function billableOf(hidden: readonly Part[], shown: Part, singlePromptTokens: number, books: MemoryBooks) {
  const caller = { accountId: newId("account"), apiKeyId: newId("key"), budget: noBudget };
  const prompt = { kind: "text" as const, text: "" };
  const subtasks = [...hidden, shown].map((_, index) => {
    const isShown = index === hidden.length;
    return { index, dependsOn: [], isShown, leadIn: "", compose: () => prompt };
  });
  const runs = [...hidden, shown].map(({ promptTokens, answerTokens }, index) => {
    const subtask = subtasks[index] ?? subtasks[0];
    if (subtask === undefined) throw new RangeError("no subtask");
    const leg = {
      link: host,
      epoch: 1,
      reportsTokens: true,
      deliveredTokens: answerTokens,
      outcome: "cancelled" as const,
      statement: null,
    };
    return { subtaskId: newId("subtask"), subtask, legs: [leg], promptTokens, pieces: (async function* () {})() };
  });
  const model = {
    reference: "acme/reading:1.0.0",
    digest: readingDigest,
    file: "",
    contextLength: 4_096,
    producer: newId("account"),
    royaltyPer100kTokens: zeroUsd,
  };
  const admission = {
    requestId: newId("request"),
    model,
    sheet: firstPriceSheet("credits", 0),
    holdId: await books.hold({ ...caller, amount: held, idempotencyKey: "request" }),
    meter: new PromptMeter("", letterTokenizers),
    answerTokensMax: [4_096],
  };
  const billable: Billable = {
    admission,
    receiptId: newId("receipt"),
    request: {
      model: model.reference,
      prompts: [prompt],
      sampling: { temperature: 0, topP: 1, seed: 1, maxTokens: null, stop: [] },
      choices: 1,
      privacy: "standard",
      plan: "auto",
      isMasked: false,
      isWhole: false,
    },
    plans: [{ strategy: "map-reduce", reason: "It is long.", subtasks }],
    runs,
    exposure: new Exposure(singlePromptTokens, Number.POSITIVE_INFINITY),
    masked: {},
    singlePromptTokens,
    releasedTokens: new Map([...hidden, shown].map(({ answerTokens }, index) => [index, answerTokens])),
  };
  return { billable, caller };
}

const part = fc.record({ promptTokens: fc.integer({ min: 1, max: 3_000 }), answerTokens: fc.nat(3_000) });

it("a split is billed at most 1.25 times what one host would be paid, and its usage is what was billed", async () => {
  let capped = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(part, { minLength: 1, maxLength: 6 }),
      part,
      fc.nat(9_000),
      async (hidden, shown, single) => {
        const books = new MemoryBooks(held);
        const receipts: SignedReceipt[] = [];
        const { billable, caller } = await billableOf(hidden, shown, single, books);
        const ports = {
          books,
          receipts: { save: async (_: unknown, receipt: SignedReceipt) => void receipts.push(receipt) },
          networkKey: generateKeyPair(),
          clock: stillClock(0),
        };
        const billed = await bill(billable, caller, ports);
        const { promptTokens = 0, completionTokens = 0 } = billed?.usage ?? {};
        const most = splitTokensMax(single + shown.answerTokens);
        expect(promptTokens).toBeGreaterThanOrEqual(0);
        expect(completionTokens).toBeGreaterThanOrEqual(0);
        expect(promptTokens + completionTokens).toBeLessThanOrEqual(most);
        expect(books.charged).toBe(priceOfTokens(billable.admission.sheet, promptTokens + completionTokens));
        const [settlement] = books.settlements;
        if (settlement === undefined) throw new Error("nothing was settled");
        expect(divideSettlement(held, settlement)).toMatchObject({ promptTokens, completionTokens });
        if (settlement.cap !== null) capped += 1;
        for (const receipt of receipts) verifyReceipt(receipt);
      },
    ),
  );
  expect(capped).toBeGreaterThan(10);
});
