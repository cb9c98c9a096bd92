import type { Engine, GenerationEnd } from "../../src/chat/generation.ts";
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
/** How long each of the three measurements may take by what is known of the engine's speed. */
const measureMs = 2_500;
const answerTokensMax = 128;
const triesMax = 6;

/**
 * Measures the engine on its own model: reading a prompt, answering one, answering as many as it can at once. Each
 * measurement is as long as a shorter one before it allows. Throws `deadline_exceeded` after 15 s.
 */
export async function benchmarkEngine(engine: Engine, signal: AbortSignal): Promise<EngineBenchmark> {
  const timeout = AbortSignal.timeout(withinMs);
  const limited = AbortSignal.any([signal, timeout]);
  try {
    const promptTokensMax = Math.floor(engine.contextLength / 2);
    const glance = await answer(engine, Math.min(24, promptTokensMax), 4, limited);
    const promptTokens = Math.min(512, promptTokensMax, tokensWithin(measureMs, prefillRate(glance)));
    const read = await answer(engine, Math.max(24, promptTokens), 1, limited);
    const short = await decode(engine, 1, 12, limited);
    const single = await decode(engine, 1, tokensWithin(measureMs, short), limited);
    const all = await decode(engine, engine.sequences, tokensWithin(measureMs, single), limited);
    return {
      prefillTokensPerSecond: round(prefillRate(read)),
      decodeTokensPerSecond: round(single),
      sequences: engine.sequences,
      decodeTokensPerSecondAtAllSequences: round(all),
    };
  } catch (error) {
    if (!timeout.aborted || signal.aborted) throw error;
    throw new PeerError("deadline_exceeded", `The engine could not be measured in ${withinMs / 1000} s.`, {
      cause: error,
      hint: "Serve a smaller model on this machine.",
    });
  }
}

/** Tokens per second of `streams` answers at once; a model that ends its answers early is asked again. */
async function decode(engine: Engine, streams: number, answerTokens: number, signal: AbortSignal): Promise<number> {
  const room = Math.max(2, Math.min(answerTokens, answerTokensMax, Math.floor(engine.contextLength / 2)));
  let tokens = 0;
  let elapsedMs = 0;
  for (let attempt = 0; attempt < triesMax && tokens < streams * room * 0.75; attempt++) {
    const ends = await Promise.all(Array.from({ length: streams }, () => answer(engine, 8, room, signal)));
    tokens += ends.reduce((sum, end) => sum + Math.max(0, end.usage.completionTokens - 1), 0);
    elapsedMs += Math.max(...ends.map((end) => end.decodeMs));
  }
  return (tokens * 1000) / Math.max(elapsedMs, 0.001);
}

async function answer(
  engine: Engine,
  promptTokens: number,
  answerTokens: number,
  signal: AbortSignal,
): Promise<GenerationEnd> {
  // A key of its own for each answer, so that none is read from the cache.
  const cacheKey = `benchmark-${Math.random()}`;
  const prompt = { kind: "text" as const, text: "a ".repeat(Math.ceil(promptTokens / 2)) };
  const sampling = { temperature: 1, topP: 1, seed: promptTokens, maxTokens: answerTokens, stop: [] };
  for await (const event of engine.generate({ prompt, resumedTokens: [], sampling, cacheKey }, signal)) {
    if (event.kind === "end") return event;
  }
  throw new PeerError("unexpected", "The engine's answer had no end.");
}

function prefillRate(end: GenerationEnd): number {
  return (end.usage.promptTokens * 1000) / Math.max(end.prefillMs, 0.001);
}

function tokensWithin(milliseconds: number, tokensPerSecond: number): number {
  return Math.floor((tokensPerSecond * milliseconds) / 1000);
}

function round(tokensPerSecond: number): number {
  return Math.round(tokensPerSecond * 10) / 10;
}
