import { expect, test } from "vitest";
import { turns } from "../../src/turns.ts";
import { deferred } from "../worlds/deferred.ts";

const never = new AbortController().signal;

test("one thing is done at a time, in the order asked, also after one that failed", async () => {
  const inTurn = turns();
  const first = deferred<void>();
  const done: string[] = [];
  const failing = inTurn(async () => {
    await first.promise;
    done.push("first");
    throw new Error("no");
  }, never);
  const second = inTurn(async () => void done.push("second"), never);
  const third = inTurn(async () => done.push("third"), never);
  expect(done).toEqual([]);
  first.resolve();
  await expect(failing).rejects.toThrow("no");
  await second;
  expect(await third).toBe(3);
  expect(done).toEqual(["first", "second", "third"]);
});

test("what was aborted before its turn is not begun, and the next is", async () => {
  const inTurn = turns();
  const leaving = new AbortController();
  const begun: string[] = [];
  const left = inTurn(async () => begun.push("left"), leaving.signal);
  const stayed = inTurn(async () => begun.push("stayed"), never);
  leaving.abort(new Error("gone"));
  await expect(left).rejects.toThrow("gone");
  await stayed;
  expect(begun).toEqual(["stayed"]);
});
