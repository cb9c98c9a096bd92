import { expect, it } from "vitest";
import { planningBudget } from "../src/planning/budget.ts";
import { planRequest } from "../src/planning/planner.ts";

/*
 * Whatever a text is made of, four times as much of it takes about four times as long to read. Where it takes sixteen
 * times as long, one long text stops the process for everybody. What is held to a figure is growth, never speed.
 */
const growthMax = 8;
/** Shorter times say nothing of growth. */
const noticeableMs = 25;
const lengths = [2_000, 16_000];
const runsMax = 3;

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

/** CPU milliseconds, the least of a few runs: a busy machine makes one longer, never shorter. */
function cpuMs(run: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let runs = 0; runs < runsMax && least >= noticeableMs; runs += 1) {
    const started = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(started);
    least = Math.min(least, (user + system) / 1_000);
  }
  return least;
}

/** How many times as long `read` takes for four times the text; 0 where that is too short a time to tell. */
function growth(read: (text: string) => void, shape: Shape, length: number): number {
  const [short, long] = [shape(length), shape(4 * length)];
  const longMs = cpuMs(() => read(long));
  return longMs < noticeableMs ? 0 : longMs / cpuMs(() => read(short));
}

function outOfProportion(read: (text: string) => void, tried: readonly Shape[]): string[] {
  return tried
    .filter((shape) => lengths.some((length) => growth(read, shape, length) >= growthMax))
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
  expect(
    outOfProportion(plan, [...shapes(["", "- ", "1. What is ", "Review 1: "], pieces, endings), articles]),
  ).toEqual([]);
});
