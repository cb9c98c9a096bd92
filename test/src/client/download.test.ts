import { readFile } from "node:fs/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import type { ByteSource } from "../../../src/client/byte-source.ts";
import { downloadFile } from "../../../src/client/download.ts";
import { systemClock } from "../../../src/clock.ts";
import { sha256Hex } from "../../../src/models/digest.ts";
import { temporaryFolder } from "../../worlds/model-folder.ts";

const never = new AbortController().signal;
const shards = ["a", "b", "c", "d", "e", "f", "g", "h"];

/** Downloads shards of one letter from a source that sends a question mark for those that are bad at their time. */
async function download(isBad: (shard: string, time: number) => boolean) {
  const folder = await temporaryFolder();
  onTestFinished(folder.remove);
  const sent: string[] = [];
  async function* bytesOf(from: number, end: number | undefined) {
    for (const shard of shards.slice(from, end)) {
      const time = sent.join("").split(shard).length;
      sent[sent.length - 1] += shard;
      yield Buffer.from(isBad(shard, time) ? "?" : shard);
    }
  }
  const source: ByteSource = {
    label: "the source",
    read: async (start, end) => {
      sent.push("");
      return { totalBytes: shards.length, bytes: bytesOf(start, end) };
    },
  };
  const plan = {
    path: folder.file("letters"),
    sizeBytes: shards.length,
    shards: shards.map((shard, index) => ({ start: index, end: index + 1, digest: sha256Hex(Buffer.from(shard)) })),
    identity: "letters",
  };
  const done = downloadFile({ plan, source, clock: systemClock, onProgress: () => {} }, never);
  const text = done.then(() => readFile(plan.path, "utf8"));
  return { sent, text };
}

describe("a download", () => {
  it("of other bytes than were signed is given up before it is read whole", async () => {
    const { sent, text } = await download(() => true);
    await expect(text).rejects.toMatchObject({ code: "digest_mismatch" });
    expect(sent).toEqual(["ab", "ab", "a"]);
  });

  it("asks again for the shards that arrived bad, and for no others", async () => {
    const { sent, text } = await download((shard, time) => "bdh".includes(shard) && time === 1);
    expect(await text).toBe("abcdefgh");
    expect(sent).toEqual(["abcdefgh", "b", "d", "h"]);
  });

  it("goes on from two that arrived bad in a row", async () => {
    const { sent, text } = await download((shard, time) => "bcd".includes(shard) && time === 1);
    expect(await text).toBe("abcdefgh");
    expect(sent).toEqual(["abc", "bcdefgh", "d"]);
  });
});
