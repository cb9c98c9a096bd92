import type { Engine } from "../../src/chat/generation.ts";
import type { Clock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";

/** Tokens per second, of one conversation unless said. */
export interface EngineBenchmark {
  readonly prefillTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
  readonly sequences: number;
  /** Of all sequences together. */
  readonly decodeTokensPerSecondAtAllSequences: number;
}

const withinMs = 15_000;
/** How long each measurement is to take by what is known of the engine's speed, and how long it may take. */
const measureMs = 2_500;
const measureMsMax = 4_000;
const answerTokensMax = 128;
const triesMax = 6;

/**
 * Measures the engine on its own model: reading a prompt, answering one, answering as many as it can at once. Each
 * measurement is as long as a shorter one before it allows, and where time runs out, what was seen until then counts.
 * Throws `deadline_exceeded` where no token came within 15 s.
 */
export async function benchmarkEngine(engine: Engine, clock: Clock, signal: AbortSignal): Promise<EngineBenchmark> {
  const until = clock.monotonic() + withinMs;
  const bench: Bench = { engine, clock, signal, until };
  const promptTokensMax = Math.floor(engine.contextLength / 2);
  const glance = await observe(bench, { streams: 1, promptTokens: Math.min(24, promptTokensMax), answerTokens: 4 });
  if (glance.prefillMs === null) {
    throw new PeerError("deadline_exceeded", `The engine gave no token in ${withinMs / 1000} s.`, {
      hint: "Serve a smaller model on this machine.",
    });
  }
  const promptTokens = Math.min(512, promptTokensMax, Math.max(24, tokensWithin(measureMs, prefillRate(glance))));
  const read = await observe(limited(bench), { streams: 1, promptTokens, answerTokens: 1 });
  // At worst a token takes as long as the prompt did.
  const least = decodeRate(glance) ?? 1_000 / glance.prefillMs;
  const short = (await decode(limited(bench), 1, 12)) ?? least;
  const single = (await decode(limited(bench), 1, tokensWithin(measureMs, short))) ?? short;
  const { sequences } = engine;
  const all = await decode(limited(bench), sequences, tokensWithin(measureMs, single) / sequences);
  return {
    prefillTokensPerSecond: round(read.prefillMs === null ? prefillRate(glance) : prefillRate(read)),
    decodeTokensPerSecond: round(single),
    sequences,
    decodeTokensPerSecondAtAllSequences: round(all ?? single),
  };
}

interface Bench {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** On the clock's monotonic time: when what is under way is cut. */
  readonly until: number;
}

/** With the time that one measurement has from now on. */
function limited(bench: Bench): Bench {
  return { ...bench, until: Math.min(bench.until, bench.clock.monotonic() + measureMsMax) };
}

interface Course {
  readonly streams: number;
  readonly promptTokens: number;
  readonly answerTokens: number;
}

/** Of one answer, or of several at once: what came before the time was up. */
interface Observation {
  readonly promptTokens: number;
  /** Until the first token; null where none came. */
  readonly prefillMs: number | null;
  /** Tokens after the first, and how long they took: since the question, where a server may hold its text back. */
  readonly tokens: number;
  readonly decodeMs: number;
}

/**
 * Tokens per second of `streams` answers at once, null where there was no time for one of each; a model that ends its
 * answers early is asked again.
 */
async function decode(bench: Bench, streams: number, answerTokens: number): Promise<number | null> {
  const contextTokensMax = Math.floor(bench.engine.contextLength / 2);
  const room = Math.max(2, Math.floor(Math.min(answerTokens, answerTokensMax, contextTokensMax)));
  let tokens = 0;
  let decodeMs = 0;
  for (let attempt = 0; attempt < triesMax && tokens < streams * room * 0.75; attempt++) {
    if (bench.clock.monotonic() >= bench.until) break;
    const seen = await observe(bench, { streams, promptTokens: 2, answerTokens: room });
    tokens += seen.tokens;
    decodeMs += seen.decodeMs;
  }
  return tokens < streams ? null : decodeRate({ tokens, decodeMs });
}

async function observe(bench: Bench, course: Course): Promise<Observation> {
  const cut = new AbortController();
  const over = new AbortController();
  const leftMs = bench.until - bench.clock.monotonic();
  bench.clock.sleep(leftMs, over.signal).then(
    () => cut.abort(new PeerError("deadline_exceeded", "The measurement's time is up.")),
    () => "It ended in time.",
  );
  const answers = await Promise.all(
    Array.from({ length: course.streams }, () => answer(bench, course, cut.signal)),
  ).finally(() => {
    over.abort();
    cut.abort();
  });
  const prefillsMs = answers.flatMap(({ prefillMs }) => prefillMs ?? []);
  return {
    promptTokens: answers.reduce((most, { promptTokens }) => Math.max(most, promptTokens), 0),
    prefillMs: prefillsMs.length === 0 ? null : Math.min(...prefillsMs),
    tokens: answers.reduce((sum, { tokens }) => sum + tokens, 0),
    decodeMs: Math.max(...answers.map(({ decodeMs }) => decodeMs)),
  };
}

async function answer(
  { engine, clock, signal }: Bench,
  { promptTokens, answerTokens }: Course,
  cut: AbortSignal,
): Promise<Observation> {
  // A key of its own for each answer, so that none is read from the cache.
  const cacheKey = `benchmark-${Math.random()}`;
  const prompt = { kind: "text" as const, text: "a ".repeat(Math.ceil(promptTokens / 2)) };
  const sampling = { temperature: 1, topP: 1, seed: promptTokens, maxTokens: answerTokens, stop: [] };
  const startedAt = clock.monotonic();
  let firstAt: number | null = null;
  let lastAt = startedAt;
  let tokens = 0;
  try {
    const generation = { prompt, resumedTokens: [], sampling, cacheKey };
    for await (const event of engine.generate(generation, AbortSignal.any([signal, cut]))) {
      if (event.kind === "end") {
        const { usage, prefillMs, decodeMs } = event;
        return {
          promptTokens: usage.promptTokens,
          prefillMs,
          tokens: Math.max(0, usage.completionTokens - 1),
          decodeMs: engine.reportsTokens ? decodeMs : prefillMs + decodeMs,
        };
      }
      lastAt = clock.monotonic();
      firstAt ??= lastAt;
      tokens += engine.reportsTokens ? event.tokens.length : 1;
    }
    throw new PeerError("unexpected", "The engine's answer had no end.");
  } catch (error) {
    if (signal.aborted || !cut.aborted) throw error;
  }
  const prefillMs = firstAt === null ? null : firstAt - startedAt;
  const since = engine.reportsTokens ? (firstAt ?? lastAt) : startedAt;
  return { promptTokens, prefillMs, tokens: Math.max(0, tokens - 1), decodeMs: lastAt - since };
}

function prefillRate({ promptTokens, prefillMs }: Pick<Observation, "promptTokens" | "prefillMs">): number {
  return (promptTokens * 1000) / Math.max(prefillMs ?? 0, 0.001);
}

function decodeRate({ tokens, decodeMs }: Pick<Observation, "tokens" | "decodeMs">): number | null {
  return tokens === 0 ? null : (tokens * 1000) / Math.max(decodeMs, 0.001);
}

function tokensWithin(milliseconds: number, tokensPerSecond: number): number {
  return Math.floor((tokensPerSecond * milliseconds) / 1000);
}

function round(tokensPerSecond: number): number {
  return Math.round(tokensPerSecond * 10) / 10;
}
