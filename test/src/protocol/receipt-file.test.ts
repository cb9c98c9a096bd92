import { describe, expect, test } from "vitest";
import { generateKeyPair } from "../../../src/identity/key.ts";
import { newId } from "../../../src/ids.ts";
import { parseReceiptFile, receiptFacts } from "../../../src/protocol/receipt-file.ts";
import { type Receipt, signReceipt, verifyReceipt } from "../../../src/verification/receipt.ts";

const networkKey = generateKeyPair();

const receipt: Receipt = {
  version: 1,
  receiptId: newId("receipt"),
  requestId: newId("request"),
  networkPublicKey: networkKey.publicKey,
  issuedAt: "2026-11-22T18:00:00.000Z",
  model: "acme/tiny:1.2.0",
  modelDigest: `sha256:${"0".repeat(64)}`,
  privacy: "standard",
  plan: { strategy: "single", reason: "It is one question." },
  subtasks: [],
  masked: { PERSON: 2 },
  largestPromptShare: 1,
  largestAnswerShare: 0.5,
  failovers: 0,
  usage: { promptTokens: 0, completionTokens: 0 },
  unbilled: { overCap: 0, unused: 0 },
  costUsd: "0.00042",
  transfer: newId("transfer"),
};

test("a receipt survives a file, alone and within what `receipts show` prints, and still verifies", () => {
  const signed = signReceipt(networkKey, receipt);
  for (const document of [signed, { receipt: receipt.receiptId, signed }]) {
    const read = parseReceiptFile(JSON.stringify(document));
    expect(read).toEqual(signed);
    expect(() => verifyReceipt(read)).not.toThrow();
  }
});

test("a receipt changed in the file no longer verifies", () => {
  const text = JSON.stringify(signReceipt(networkKey, receipt)).replace('"0.00042"', '"0.00043"');
  expect(() => verifyReceipt(parseReceiptFile(text))).toThrow(expect.objectContaining({ code: "receipt_invalid" }));
});

test.each([
  ["no JSON", "{"],
  ["another document", '{"signed":null}'],
  ["a field this version doesn't know", JSON.stringify(signReceipt(networkKey, receipt)).replace("{", '{"more":1,')],
  ["a key that is none", JSON.stringify(signReceipt(networkKey, receipt)).replace(networkKey.publicKey, "key")],
])("%s is no receipt", (_, text) => {
  expect(() => parseReceiptFile(text)).toThrow(expect.objectContaining({ code: "receipt_invalid" }));
});

describe("what `receipts show` prints", () => {
  const signed = signReceipt(networkKey, receipt);
  const ledger = {
    consumerDebit: "0.00042",
    hostCredit: "0.000399",
    networkCredit: "0.000021",
    producerCredit: "0.00",
  };
  const shown = { ...receiptFacts(signed), ledger, signed };

  test("is read where it says what was signed", () => {
    expect(parseReceiptFile(JSON.stringify(shown))).toEqual(signed);
  });

  test.each<[string, object]>([
    ["its tokens", { usage: { promptTokens: 12, completionTokens: 31 } }],
    ["its model", { model: "acme/large:1.0.0" }],
    ["what was masked", { masked: {} }],
    ["its hosts", { hosts: [{ id: "host_a" }] }],
    ["its cost", { ledger: { ...ledger, consumerDebit: "0.00043" } }],
    ["a host's earnings", { ledger: { ...ledger, hostCredit: "0.0004" } }],
    ["an amount for words", { ledger: { ...ledger, hostCredit: "all" } }],
  ])("is refused where %s was changed beside the signed receipt", (_, change) => {
    expect(() => parseReceiptFile(JSON.stringify({ ...shown, ...change }))).toThrow(
      expect.objectContaining({ code: "receipt_invalid" }),
    );
  });
});
