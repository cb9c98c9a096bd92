import { describe, expect, it } from "vitest";
import { generateKeyPair } from "../../../src/identity/key.ts";
import { newId } from "../../../src/ids.ts";
import { hostIdOf } from "../../../src/protocol/handshake.ts";
import { type Receipt, type SignedReceipt, signReceipt, verifyReceipt } from "../../../src/verification/receipt.ts";
import { AnswerDigest, signStatement } from "../../../src/verification/statement.ts";

const network = generateKeyPair();
const host = generateKeyPair();
const digest = `sha256:${"cd".repeat(32)}`;

function receipt(): Receipt {
  const answerDigest = new AnswerDigest();
  answerDigest.add([1, 2, 3], "");
  const statement = signStatement(host, {
    subtask: newId("subtask"),
    epoch: 1,
    digest,
    promptTokens: 12,
    completionTokens: 3,
    answerDigest: answerDigest.value(),
    firstTokenMs: 20,
    elapsedMs: 80,
  });
  return {
    version: 1,
    receiptId: newId("receipt"),
    requestId: newId("request"),
    networkPublicKey: network.publicKey,
    issuedAt: "2026-11-22T12:00:00.000Z",
    model: "acme/tiny:1.0.0",
    modelDigest: digest,
    privacy: "standard",
    plan: { strategy: "single", reason: "Short." },
    subtasks: [
      {
        index: 0,
        legs: [
          {
            hostId: hostIdOf(host.publicKey),
            hostPublicKey: host.publicKey,
            owner: "someone",
            epoch: 1,
            promptTokens: 12,
            completionTokens: 3,
            reportsTokens: true,
            outcome: "finished",
            statement,
          },
        ],
      },
    ],
    masked: { PERSON: 1 },
    largestPromptShare: 1,
    largestAnswerShare: 1,
    failovers: 0,
    usage: { promptTokens: 12, completionTokens: 3 },
    unbilled: { overCap: 0, unused: 0 },
    costUsd: "0.00015",
    transfer: newId("transfer"),
  };
}

/** A signed receipt with `change` made to it afterwards. */
function tampered(change: Partial<Receipt>): SignedReceipt {
  const signed = signReceipt(network, receipt());
  return { ...signed, receipt: { ...signed.receipt, ...change } };
}

describe("a receipt", () => {
  it("verifies offline, also after a round trip through a file", () => {
    verifyReceipt(JSON.parse(JSON.stringify(signReceipt(network, receipt()))));
  });

  it("does not verify once a figure in it was changed", () => {
    const forged = tampered({ costUsd: "0.00" });
    expect(() => verifyReceipt(forged)).toThrow(expect.objectContaining({ code: "receipt_invalid" }));
  });

  it("does not verify with a host's statement that the host did not sign, even if the network signed the rest", () => {
    const honest = receipt();
    const [subtask] = honest.subtasks;
    const [leg] = subtask?.legs ?? [];
    if (leg?.statement === null || leg?.statement === undefined) throw new Error("the receipt has a statement");
    const forged = { ...leg, statement: { ...leg.statement, firstTokenMs: 1 } };
    const signed = signReceipt(network, { ...honest, subtasks: [{ index: 0, legs: [forged] }] });
    expect(() => verifyReceipt(signed)).toThrow(/not its own/);
  });

  it("does not verify with a true statement about other work", () => {
    const honest = receipt();
    const signed = signReceipt(network, { ...honest, modelDigest: `sha256:${"00".repeat(32)}` });
    expect(() => verifyReceipt(signed)).toThrow(/other work/);
  });

  it("does not verify where it bills other tokens than its hosts' parts hold and it says are free", () => {
    const honest = receipt();
    const free = { ...honest, usage: { promptTokens: 6, completionTokens: 3 } };
    expect(() => verifyReceipt(signReceipt(network, free))).toThrow(/tells of 9 tokens; its hosts' parts of 15/);
    verifyReceipt(signReceipt(network, { ...free, unbilled: { overCap: 4, unused: 2 } }));
  });

  it("verifies without a statement where the host died before it could make one", () => {
    const honest = receipt();
    const legs = (honest.subtasks[0]?.legs ?? []).map((leg) => ({ ...leg, outcome: "lost" as const, statement: null }));
    verifyReceipt(signReceipt(network, { ...honest, subtasks: [{ index: 0, legs }] }));
  });
});
