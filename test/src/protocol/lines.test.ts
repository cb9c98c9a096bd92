import { expect, test } from "vitest";
import { readLines } from "../../../src/protocol/lines.ts";

async function* bytes(text: string, size: number): AsyncGenerator<Uint8Array> {
  const all = Buffer.from(text);
  for (let offset = 0; offset < all.length; offset += size) yield all.subarray(offset, offset + size);
}

async function linesOf(text: string, size: number, bytesMax = 100): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readLines(bytes(text, size), bytesMax)) lines.push(line);
  return lines;
}

test("lines are the same however their bytes are cut, and a last one without its end is dropped", async () => {
  for (let size = 1; size < 30; size += 1) {
    expect(await linesOf("größe\n\nzweite 🦙\nhalb", size)).toEqual(["größe", "", "zweite 🦙"]);
  }
});

test("a line may be as long as the limit and no longer", async () => {
  expect(await linesOf(`${"x".repeat(100)}\n`, 7)).toEqual(["x".repeat(100)]);
  await expect(linesOf(`${"x".repeat(101)}\n`, 7)).rejects.toMatchObject({ code: "protocol_violation" });
  await expect(linesOf("x".repeat(1_000), 1_000)).rejects.toMatchObject({ code: "protocol_violation" });
});
