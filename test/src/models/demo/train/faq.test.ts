import { expect, it } from "vitest";
import { factEntries } from "../../../../../src/models/demo/train/facts.ts";
import { faq } from "../../../../../src/models/demo/train/faq.ts";

const entries = [...faq, ...factEntries];

it("there are about 150 questions about PeerLLM, each under its own id", () => {
  expect(faq.length).toBeGreaterThanOrEqual(150);
  expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length);
});

it("no question has two answers, and no held-out phrasing is in the corpus", () => {
  const owners = new Map<string, string>();
  for (const { id, phrasings, heldOut } of entries) {
    for (const phrasing of [...phrasings, ...heldOut]) {
      expect(owners.get(phrasing.toLowerCase()) ?? id, phrasing).toBe(id);
      owners.set(phrasing.toLowerCase(), id);
    }
    expect(phrasings.filter((phrasing) => heldOut.includes(phrasing))).toEqual([]);
  }
});

it("every entry has several phrasings and at least one held out", () => {
  for (const { phrasings, heldOut } of entries) {
    expect(phrasings.length).toBeGreaterThanOrEqual(3);
    expect(heldOut.length).toBeGreaterThanOrEqual(1);
  }
});
