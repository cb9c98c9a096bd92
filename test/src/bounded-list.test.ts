import { expect, test } from "vitest";
import * as z from "zod";
import { boundedList } from "../../src/bounded-list.ts";
import { routes } from "../../src/protocol/api.ts";

/** What became of `values`, and how many of them were looked at. */
function read(values: readonly unknown[], isRight: (value: unknown) => boolean, max = 1_000_000) {
  let looked = 0;
  const item = z.unknown().refine((value) => {
    looked += 1;
    return isRight(value);
  });
  const { data, error } = boundedList(item, { min: 1, max }).safeParse(values);
  return { data, looked, issues: error?.issues.map(({ code, path }) => ({ code, path })) };
}

test("a list is read in its order", () => {
  const values = Array.from({ length: 1_000 }, (_, index) => index);
  expect(read(values, () => true)).toEqual({ data: values, looked: 1_000, issues: undefined });
});

test.each([10_000, 40_000])("of %d wrong items few are looked at, and one is told of", (length) => {
  const { looked, issues } = read(Array(length).fill(""), () => false);
  expect(looked).toBeLessThan(100);
  expect(issues).toEqual([{ code: "custom", path: [0] }]);
});

test("the first wrong item is named by its place", () => {
  const values = Array.from({ length: 1_000 }, (_, index) => index);
  expect(read(values, (value) => value !== 777).issues).toEqual([{ code: "custom", path: [777] }]);
});

test.each([
  ["an empty list", [], "too_small"],
  ["a list that is too long", Array(5).fill(""), "too_big"],
])("of %s nothing is looked at", (_, values, code) => {
  expect(read(values, () => true, 4)).toEqual({ data: undefined, looked: 0, issues: [{ code, path: [] }] });
});

test("a key with many wrong scopes is refused for one of them", () => {
  const { error } = routes["keys-create"].request.safeParse({ name: "key", scopes: Array(10_000).fill("none") });
  expect(error?.issues).toHaveLength(1);
});
