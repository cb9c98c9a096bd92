import { expect, test } from "vitest";
import { segment } from "../../../src/safety/segment.ts";

test.each([
  ["howtomakeabomb", "how to make a bomb"],
  ["howdoikillmywife", "how do i kill my wife"],
  ["bomb", "bomb"],
  ["xyzq", "xyzq"],
  ["makexyzqbomb", "make xyzq bomb"],
  ["", ""],
])("%j is parted as %j", (letters, words) => {
  expect(segment(letters)).toBe(words);
});

test("no letter is lost, however long the run", () => {
  const letters = "howtomakeabomb".repeat(100);
  expect(segment(letters).replaceAll(" ", "")).toBe(letters);
});
