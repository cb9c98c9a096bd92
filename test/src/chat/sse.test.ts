import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeComment, encodeEvent, parseEvents } from "../../../src/chat/sse.ts";
import { isPeerError } from "../../../src/errors.ts";

async function parse(chunks: readonly Uint8Array[]) {
  const events = [];
  for await (const event of parseEvents(stream(chunks))) events.push(event);
  return events;
}

async function* stream(chunks: readonly Uint8Array[]) {
  yield* chunks;
}

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks = [];
  let start = 0;
  for (const size of [...sizes, bytes.length]) {
    chunks.push(bytes.subarray(start, Math.min(bytes.length, start + size)));
    start = Math.min(bytes.length, start + size);
  }
  return chunks;
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

describe("server-sent events", () => {
  it("come out as they went in, however the bytes are cut", async () => {
    const text = fc.string({ unit: "binary" }).map((line) => line.replace(/\r\n?/g, "\n"));
    const sizes = fc.array(fc.nat({ max: 7 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 6 }), sizes, async (texts, chunkSizes) => {
        const wire = texts.map((each) => encodeEvent(each) + encodeComment("keep-alive")).join("");
        const events = await parse(cut(bytesOf(wire), chunkSizes));
        expect(events).toEqual(texts.map((data) => ({ type: "message", data })));
      }),
    );
  });

  it.each([
    ["CR line ends", "data: a\rdata: b\r\r", [{ type: "message", data: "a\nb" }]],
    ["CRLF line ends", "data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"].map((data) => ({ type: "message", data }))],
    ["no space after the colon", "data:a\n\n", [{ type: "message", data: "a" }]],
    ["a second space, which is data", "data:  a\n\n", [{ type: "message", data: " a" }]],
    ["a named event", "event: error\ndata: a\n\n", [{ type: "error", data: "a" }]],
    ["a byte order mark", "\uFEFFdata: a\n\n", [{ type: "message", data: "a" }]],
    ["an event without data, which is none", "event: ping\n\ndata: a\n\n", [{ type: "message", data: "a" }]],
    ["fields it does not know", "id: 1\nretry: 5\nfoo: bar\ndata: a\n\n", [{ type: "message", data: "a" }]],
    ["an event cut off by the end, which is none", "data: a\n\ndata: b", [{ type: "message", data: "a" }]],
  ])("are read with %s", async (_, wire, events) => {
    for (const size of [1, 2, wire.length]) {
      expect(await parse(cut(bytesOf(wire), Array(wire.length).fill(size)))).toEqual(events);
    }
  });

  it.each([
    ["length", "x".repeat(65_536)],
    ["empty lines of data", "data\n".repeat(65_536)],
  ])("of endless %s are refused", async (_, chunk) => {
    const endless = Array(80).fill(bytesOf(chunk));
    await expect(parse(endless)).rejects.toSatisfy((error) => isPeerError(error, "upstream_failed"));
  });
});
