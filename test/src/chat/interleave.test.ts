import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { interleave } from "../../../src/chat/interleave.ts";

const never = new AbortController().signal;

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected = [];
  for await (const item of items) collected.push(item);
  return collected;
}

async function* count(name: string, to: number) {
  for (let each = 1; each <= to; each++) yield `${name}${each}`;
}

describe("interleaved sources", () => {
  it("all come, each in its order", async () => {
    const items = await collect(interleave([() => count("a", 3), () => count("b", 1), () => count("c", 2)], 2, never));
    expect([...items].sort()).toEqual(["a1", "a2", "a3", "b1", "c1", "c2"]);
    expect(items.filter((item) => item.startsWith("a"))).toEqual(["a1", "a2", "a3"]);
  });

  it("are open no more than so many at a time", async () => {
    let open = 0;
    let most = 0;
    const sources = Array.from(
      { length: 9 },
      () =>
        async function* () {
          open += 1;
          most = Math.max(most, open);
          yield* count("x", 3);
          open -= 1;
        },
    );
    expect(await collect(interleave(sources, 4, never))).toHaveLength(27);
    expect(most).toBe(4);
  });

  it("are all stopped and closed when one fails", async () => {
    const closed: string[] = [];
    async function* waits(signal: AbortSignal) {
      try {
        yield "first";
        await once(signal, "abort");
      } finally {
        closed.push("waits");
      }
    }
    async function* fails() {
      yield "second";
      throw new Error("broken");
    }
    await expect(collect(interleave([waits, fails], 2, never))).rejects.toThrow("broken");
    expect(closed).toEqual(["waits"]);
  });

  it("that fail while the reader takes its time are met when it comes back", async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on("unhandledRejection", note);
    let fail = () => {};
    async function* fails() {
      yield "first";
      await new Promise<void>((_, reject) => {
        fail = () => reject(new Error("broken"));
      });
    }
    const items = interleave([fails], 1, never);
    expect(await items.next()).toEqual({ value: "first", done: false });
    fail();
    // An unhandled rejection is told before the next turn of the event loop.
    await setImmediate();
    await setImmediate();
    expect(unhandled).toEqual([]);
    await expect(items.next()).rejects.toThrow("broken");
    process.off("unhandledRejection", note);
  });

  it("are all stopped and closed when the reader leaves", async () => {
    const closed: string[] = [];
    async function* waits(signal: AbortSignal) {
      try {
        yield "first";
        await once(signal, "abort");
      } finally {
        closed.push("waits");
      }
    }
    for await (const item of interleave([waits, () => count("b", 1)], 2, never)) {
      expect(item).toBeTypeOf("string");
      break;
    }
    expect(closed).toEqual(["waits"]);
  });
});
