import { expect, it } from "vitest";
import { planningBudget } from "../src/planning/budget.ts";
import { planRequest } from "../src/planning/planner.ts";
import { anonymiseTexts } from "../src/privacy/anonymise.ts";
import type { Entity } from "../src/privacy/entity.ts";
import { selectMasked } from "../src/privacy/policy.ts";
import { createRehydrator } from "../src/privacy/rehydrate.ts";
import { createVault } from "../src/privacy/vault.ts";
import { defaultPolicy } from "../src/safety/policy.ts";
import { triage } from "../src/safety/triage.ts";

/*
 * Whatever a text is made of, twice as much of it takes about twice as long to read. Where each doubling takes four
 * times as long, one long text stops the process for everybody. What is held to a figure is growth, never speed.
 */
const growthMax = 3;
/** Shorter times say nothing of growth. */
const noticeableMs = 25;
const lengths = [1_000, 8_000];
const rounds = 5;

/** A text of about so many characters. */
type Shape = (length: number) => string;

function repeated(opening: string, piece: string, ending: string): Shape {
  return (length) => opening + piece.repeat(Math.ceil(length / piece.length)) + ending;
}

function shapes(openings: readonly string[], pieces: readonly string[], endings: readonly string[]): readonly Shape[] {
  return openings.flatMap((opening) =>
    pieces.flatMap((piece) => endings.map((ending) => repeated(opening, piece, ending))),
  );
}

function cpuMs(run: () => void): number {
  const started = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1_000;
}

/**
 * Whether `read` takes far more than twice as long for each of two doublings of the text: a single step is no growth.
 * Said only where it holds for the least time of several rounds: a busy machine makes a run longer, never shorter.
 */
function isOutOfProportion(read: (text: string) => void, shape: Shape, length: number): boolean {
  if (cpuMs(() => read(shape(4 * length))) < noticeableMs) return false;
  const texts = [shape(length), shape(2 * length), shape(4 * length)];
  const least = texts.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, text] of texts.entries()) {
      least[index] = Math.min(
        least[index] ?? 0,
        cpuMs(() => read(text)),
      );
    }
    const [once = 0, twice = 0, fourTimes = 0] = least;
    if (Math.min(fourTimes / twice, twice / once) < growthMax) return false;
  }
  return true;
}

function outOfProportion(read: (text: string) => void, tried: readonly Shape[], at = lengths): string[] {
  return tried
    .filter((shape) => at.some((length) => isOutOfProportion(read, shape, length)))
    .map((shape) => JSON.stringify(shape(40)));
}

const signs = [..."aA1 \n\r\t.,:;?!/\\-_@#&=%+(['\"`“”’<|*é名٠\u200b"];

it.each([
  ["whole", 1_000_000],
  ["in parts", 16_384],
])("a prompt that is read %s is planned in proportion to its length", (_how, contextLength) => {
  const plan = (content: string) =>
    planRequest(
      { kind: "chat", messages: [{ role: "user", content }] },
      { mode: "auto", isBound: false, ...planningBudget(contextLength) },
    );
  const pieces = [...signs, "A ", "a b ", "1. ", "- ", "\n\n", "---\n", "Review 1: ", "What is “", "Who is he?\n"];
  const endings = ["!\r\n?", "\n2. Who?\n\nSummarize the text."];
  const articles: Shape = (length) => `1. ${"a b ".repeat(length / 8)}\n2. ${"the c ".repeat(length / 12)}`;
  const tried = shapes(["", "- ", "1. What is ", "Review 1: "], pieces, endings);
  expect([...outOfProportion(plan, tried), ...outOfProportion(plan, [articles], [64_000])]).toEqual([]);
});

it("a prompt is masked in proportion to its length", () => {
  const mask = (text: string) => {
    anonymiseTexts([text], text, { level: "standard", key: new Uint8Array(32), ownWords: ["a-a-a"] });
  };
  const pieces = [...signs, "John ", "a@b.io ", "password:", "eyJ-", "one ", "x dot "];
  const atOnce = [
    repeated("http://", ":a", ""),
    repeated("http://", "]", "x"),
    repeated("https://a.b/?", "token", ""),
    repeated("https://a.b/?token=", "a1", ""),
    repeated("", "sk-a-", ""),
    repeated("My name is A", "-", "x"),
    repeated("[a](Mary Smith ", "é", ""),
    repeated("我叫王小明", "1", " and on"),
    repeated("", "我叫王小明.ab.cd/<", ""),
  ];
  const placeQuestion: Shape = (length) => `where${" ".repeat(length / 2)}x\n${"Dear Milan,\n".repeat(length / 24)}`;
  expect(outOfProportion(mask, [...shapes([""], pieces, [""]), ...atOnce, placeQuestion])).toEqual([]);
});

it("what is masked of many finds is chosen in proportion to their number", () => {
  const choose = (text: string) => {
    const found = Array.from(text.matchAll(/\w+(@\S+)?/g), ({ 0: value, 1: domain, index: start }): Entity => {
      return { start, end: start + value.length, type: domain === undefined ? "LOCATION" : "EMAIL" };
    });
    selectMasked(text, found, "standard");
  };
  const apart: Shape = (length) => `${"a@b.io ".repeat(length / 14)}\n\n${"Porto, ".repeat(length / 14)}`;
  expect(outOfProportion(choose, [apart], [64_000])).toEqual([]);
});

it("an answer is given its values back in proportion to its length", () => {
  const vault = createVault(new Uint8Array(32), "", new Set());
  const placeholder = vault.placeholderFor("Mary Smith", "PERSON");
  const restore = (pieceLength: number) => (text: string) => {
    const rehydrator = createRehydrator(vault);
    for (let at = 0; at < text.length; at += pieceLength) rehydrator.push(text.slice(at, at + pieceLength));
    rehydrator.flush();
  };
  const pieces = [...signs, "[PERSON_", "&#9", "<a ", "](", "http://x.example/", placeholder, `${placeholder}.a`];
  const tried = shapes(["", placeholder], pieces, [" "]);
  expect([...outOfProportion(restore(7), tried), ...outOfProportion(restore(Infinity), tried)]).toEqual([]);
});

it("a text is judged in proportion to its length", () => {
  const pieces = [...signs, "b o m b ", "b0mb ", "bomb. ", "aGVsbG8gd29ybGQ=", "68656c6c6f ", "eht dna "];
  expect(outOfProportion((text) => triage(text, defaultPolicy), shapes(["", "how to "], pieces, ["", "!"]))).toEqual(
    [],
  );
});
