import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parsePublicKey } from "../../../src/identity/key.ts";
import { packageFile } from "../../../src/paths.ts";
import { encodeFrame, frameBytesMax, parseHostFrame, parseNetworkFrame } from "../../../src/protocol/frame.ts";
import { hostIdOf, verifyTranscript } from "../../../src/protocol/handshake.ts";
import { isStatementBy, type SignedStatement } from "../../../src/verification/statement.ts";

interface Vectors {
  readonly hostPublicKey: string;
  readonly networkPublicKey: string;
  readonly hostId: string;
  readonly host: readonly string[];
  readonly network: readonly string[];
}

const vectors: Vectors = JSON.parse(readFileSync(packageFile("test/src/protocol/vectors.json"), "utf8"));
const bytes = (text: string) => Buffer.from(text, "utf8");

describe("frames", () => {
  it.each(vectors.host)("of a host are read and written to the letter: %s", (text) => {
    expect(encodeFrame(parseHostFrame(bytes(text)))).toBe(text);
  });

  it.each(vectors.network)("of an orchestrator are read and written to the letter: %s", (text) => {
    expect(encodeFrame(parseNetworkFrame(bytes(text)))).toBe(text);
  });

  it.each([...vectors.host])("of a host are not an orchestrator's: %s", (text) => {
    expect(() => parseNetworkFrame(bytes(text))).toThrow(expect.objectContaining({ code: "protocol_violation" }));
  });

  it.each([
    ["no JSON", "{"],
    ["an unknown type", '{"type":"hallo"}'],
    ["a field too many", '{"type":"heartbeat","sequence":1,"activeSubtasks":0,"more":1}'],
    ["a missing field", '{"type":"heartbeat","sequence":1}'],
    [
      "a negative position",
      vectors.host.find((text) => text.includes('"delta"'))?.replace('"position":0', '"position":-1'),
    ],
    ["a fractional token", vectors.host.find((text) => text.includes('"delta"'))?.replace("[17,", "[17.5,")],
    ["a prototype", '{"type":"heartbeat","sequence":1,"activeSubtasks":0,"__proto__":{"a":1}}'],
  ])("with %s are refused, without a word of their content in the error", (_what, text = "") => {
    expect(() => parseHostFrame(bytes(text))).toThrow(
      expect.objectContaining({ code: "protocol_violation", message: expect.not.stringContaining("hallo") }),
    );
  });

  it.each([
    ["hello", 2, parseHostFrame, "The host speaks protocol 2, this side 1. Update PeerLLM on the orchestrator."],
    ["hello", 0, parseHostFrame, "The host speaks protocol 0, this side 1. Update PeerLLM on the host."],
    ["challenge", 2, parseNetworkFrame, "The network speaks protocol 2, this side 1. Update PeerLLM on the host."],
  ])(
    "of another protocol say with a %s of %i what to update, whatever else they hold",
    (type, protocol, read, said) => {
      const text = JSON.stringify({ type, protocol, newField: { deep: [] } });
      expect(() => read(bytes(text))).toThrow(
        expect.objectContaining({ code: "protocol_incompatible", message: said }),
      );
    },
  );

  it("over the size limit are refused unread", () => {
    expect(() => parseHostFrame(new Uint8Array(frameBytesMax + 1))).toThrow(/over 1500000/);
  });
});

describe("the vectors' signatures", () => {
  const challenge = JSON.parse(vectors.network.find((text) => text.includes('"challenge"')) ?? "");
  const hello = JSON.parse(vectors.host.find((text) => text.includes('"hello"')) ?? "");
  const proof = JSON.parse(vectors.host.find((text) => text.includes('"proof"')) ?? "");
  const transcript = {
    hostPublicKey: parsePublicKey(vectors.hostPublicKey),
    hostNonce: hello.nonce,
    networkPublicKey: parsePublicKey(vectors.networkPublicKey),
    networkNonce: challenge.nonce,
  };

  it("prove both sides of the handshake, and neither the other's", () => {
    verifyTranscript("network", transcript, challenge.signature);
    verifyTranscript("host", transcript, proof.signature);
    expect(() => verifyTranscript("host", transcript, challenge.signature)).toThrow(
      expect.objectContaining({ code: "authentication_failed" }),
    );
    expect(() =>
      verifyTranscript("network", { ...transcript, hostNonce: challenge.nonce }, challenge.signature),
    ).toThrow(expect.objectContaining({ code: "authentication_failed" }));
  });

  it("prove the host's statement, until a figure in it changes", () => {
    const end: { statement: SignedStatement } = JSON.parse(vectors.host.find((text) => text.includes('"end"')) ?? "");
    expect(isStatementBy(transcript.hostPublicKey, end.statement)).toBe(true);
    expect(isStatementBy(transcript.hostPublicKey, { ...end.statement, completionTokens: 4 })).toBe(false);
  });

  it("give the host the id that its key stands for", () => {
    expect(hostIdOf(transcript.hostPublicKey)).toBe(vectors.hostId);
  });
});
