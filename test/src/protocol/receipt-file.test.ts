import { expect, test } from "vitest";
import { generateKeyPair } from "../../../src/identity/key.ts";
import { newId } from "../../../src/ids.ts";
import { parseReceiptFile } from "../../../src/protocol/receipt-file.ts";
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
