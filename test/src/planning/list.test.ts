import { expect, test } from "vitest";
import { listOf } from "../../../src/planning/list.ts";

test.each([
  [
    "numbered lines",
    "Do:\n1. a b\n2. c d\nThanks",
    {
      before: "Do:",
      entries: [
        ["1. ", "a b"],
        ["2. ", "c d"],
      ],
      after: "Thanks",
    },
  ],
  [
    "bulleted lines",
    "- a\n- b",
    {
      before: "",
      entries: [
        ["- ", "a"],
        ["- ", "b"],
      ],
      after: "",
    },
  ],
  [
    "an entry that goes on over an indented line",
    "1. a\n   more\n2. b",
    {
      before: "",
      entries: [
        ["1. ", "a\nmore"],
        ["2. ", "b"],
      ],
      after: "",
    },
  ],
  [
    "labelled parts of several lines",
    "Sum up.\n\nReview 1: a\nb\n\nReview 2: c",
    {
      before: "Sum up.",
      entries: [
        ["Review 1: ", "a\nb"],
        ["Review 2: ", "c"],
      ],
      after: "",
    },
  ],
  [
    "parts between rules",
    "Sum up.\n---\na\n---\nb",
    {
      before: "Sum up.",
      entries: [
        ["", "a"],
        ["", "b"],
      ],
      after: "",
    },
  ],
  [
    "numbers within a line",
    "Say 1) one 2) two",
    {
      before: "Say",
      entries: [
        ["1) ", "one"],
        ["2) ", "two"],
      ],
      after: "",
    },
  ],
])("%s are a list", (_, text, expected) => {
  const list = listOf(text);
  expect({ ...list, entries: list?.entries.map(({ marker, body }) => [marker, body]) }).toEqual(expected);
});

test.each(["no list here", "- only one", "In 1. place and 3. place", "1. \n2. "])("%j is none", (text) => {
  expect(listOf(text)).toBeUndefined();
});
