import { describe, expect, it } from "vitest";
import type { AnswerEvent } from "../../../src/chat/answer.ts";
import { chatFormat } from "../../../src/chat/openai-chat.ts";
import { decodeChunks } from "../../../src/chat/openai-chunks.ts";
import { completionFormat } from "../../../src/chat/openai-completion.ts";
import { errorBodyOf } from "../../../src/chat/openai-error.ts";
import { collectAnswer, createChunkEncoder } from "../../../src/chat/openai-stream.ts";
import { type ErrorCode, errorTable, isPeerError, PeerError } from "../../../src/errors.ts";

const codes = Object.keys(errorTable).filter((code): code is ErrorCode => Object.hasOwn(errorTable, code));
const head = { id: "chatcmpl-1", createdAt: 1, model: "m", systemFingerprint: "fp" };
const summary = {
  receipt: "r",
  plan: "batch",
  hosts: 2,
  largestShare: 0.5,
  owners: 2,
  largestAnswerShare: 0.5,
  failovers: 1,
  masked: { EMAIL: 1 },
  costUsd: "0.01",
};

const interleaved: readonly AnswerEvent[] = [
  { kind: "begin", receipt: "r", model: "m:1.2.0" },
  { kind: "delta", choice: 1, text: "b1" },
  { kind: "delta", choice: 0, text: "a1" },
  { kind: "choice-end", choice: 1, finishReason: "length" },
  { kind: "delta", choice: 0, text: "a2" },
  { kind: "choice-end", choice: 0, finishReason: "content_filter" },
  { kind: "choice-end", choice: 2, finishReason: "stop" },
  { kind: "end", usage: { promptTokens: 3, completionTokens: 4 }, summary },
];

function encode(events: readonly AnswerEvent[], includeUsage: boolean, format = chatFormat): object[] {
  const encoder = createChunkEncoder(format, head, includeUsage);
  return events.flatMap((event) => encoder.encode(event));
}

async function* eventsOf(data: readonly string[]) {
  for (const each of data) yield { type: "message", data: each };
}

async function decode(data: readonly string[]): Promise<AnswerEvent[]> {
  const events = [];
  for await (const event of decodeChunks(eventsOf(data), "r")) events.push(event);
  return events;
}

describe("an answer's chunks", () => {
  it.each([
    ["chat", chatFormat],
    ["text", completionFormat],
  ] as const)("of %s read back as the events they were made of", async (_, format) => {
    const data = encode(interleaved, true, format).map((chunk) => JSON.stringify(chunk));
    expect(await decode([...data, "[DONE]"])).toEqual(interleaved);
  });

  it("all have a choice, and the last of them the summary, where usage was not asked for", () => {
    const chunks = encode(interleaved, false);
    expect(
      chunks.every((chunk) => "choices" in chunk && Array.isArray(chunk.choices) && chunk.choices.length === 1),
    ).toBe(true);
    expect(chunks.filter((chunk) => "peerllm" in chunk)).toEqual([chunks.at(-1)]);
    expect(chunks.some((chunk) => "usage" in chunk)).toBe(false);
    expect(chunks.at(-1)).toMatchObject({ choices: [{ index: 2, finish_reason: "stop" }], peerllm: summary });
  });

  it("carry usage null until the last, which has no choices, where usage was asked for", () => {
    const chunks = encode(interleaved, true);
    const last = chunks.at(-1);
    expect(chunks.slice(0, -1).every((chunk) => "usage" in chunk && chunk.usage === null)).toBe(true);
    expect(last).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
      peerllm: summary,
    });
  });

  it("start each choice with its role, also one that says nothing", () => {
    const roles = encode(interleaved, false).filter((chunk) => JSON.stringify(chunk).includes('"role"'));
    expect(roles).toHaveLength(3);
  });

  it.each([
    ["that break off", [], "upstream_failed"],
    ["that are not JSON", ["{"], "upstream_failed"],
    ["of another form", ['{"choices":"none"}'], "upstream_failed"],
    ["without their usage", ["[DONE]"], "upstream_failed"],
    ["of a foreign error", ['{"error":{"message":"boom","code":"server_error"}}'], "upstream_failed"],
    ["of an error without words", ['{"error":"boom"}'], "upstream_failed"],
  ] as const)("%s fail", async (_, data, code) => {
    await expect(decode(data)).rejects.toSatisfy((error) => isPeerError(error, code));
  });

  it("carry an error of any code of the table through unchanged", async () => {
    for (const code of codes) {
      const error = new PeerError(code, "Something happened.", { parameter: "model" });
      await expect(decode([JSON.stringify(errorBodyOf(error))])).rejects.toMatchObject({
        code,
        message: "Something happened.",
        parameter: "model",
      });
    }
  });
});

describe("a whole answer", () => {
  it("has the choices in order and the text of each together", async () => {
    const receipts: (string | null)[] = [];
    async function* events() {
      yield* interleaved;
    }
    const body = await collectAnswer(events(), completionFormat, head, (receipt) => receipts.push(receipt));
    expect(body).toEqual({
      id: "chatcmpl-1",
      object: "text_completion",
      created: 1,
      model: "m:1.2.0",
      system_fingerprint: "fp",
      choices: [
        { index: 0, text: "a1a2", logprobs: null, finish_reason: "content_filter" },
        { index: 1, text: "b1", logprobs: null, finish_reason: "length" },
        { index: 2, text: "", logprobs: null, finish_reason: "stop" },
      ],
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
      peerllm: summary,
    });
    expect(receipts).toEqual(["r"]);
  });

  it("that ends before its end is a failure", async () => {
    async function* events() {
      yield* interleaved.slice(0, 4);
    }
    await expect(collectAnswer(events(), chatFormat, head, () => {})).rejects.toSatisfy((error) =>
      isPeerError(error, "unexpected"),
    );
  });
});
