import { Channel } from "../../src/channel.ts";
import type { Engine, Generation, GenerationEvent } from "../../src/chat/generation.ts";
import { systemClock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import type { Log } from "../../src/log.ts";
import { errorOf } from "./failure.ts";
import { type ChildEnd, ChildLink } from "./link.ts";
import type { EngineCounters, EngineFacts, EngineOpening, FromChild, Gpu } from "./messages.ts";

export interface LlamaEngineOptions {
  readonly modelFile: string;
  /** Threads that compute. A tiny model on a busy machine is fastest with 1. */
  readonly threads: number;
  readonly gpu: Gpu;
  /** Answers decoded at once; each has its own context. */
  readonly sequences: number;
  /** Most tokens of a prompt and its answer together. */
  readonly contextLength: number;
  readonly log: Log;
}

export type EngineState = "ready" | "restarting" | "closed";

export interface LlamaEngine extends Engine {
  readonly facts: EngineFacts;
  /** The child's process id; undefined while there is none. */
  readonly pid: number | undefined;
  readonly restarts: number;
  state(): EngineState;
  counters(signal: AbortSignal): Promise<EngineCounters>;
}

const windowTokens = 256;
/** Answers waiting for a sequence or running, per engine. */
const requestsMax = 256;
/** What can come of one answer before its consumer takes any: a full window, and the flush and the end after it. */
const eventsMax = windowTokens + 2;
const restartDelayMsMin = 100;
const restartDelayMsMax = 60_000;
/** A child that lived this long has earned a short delay again. */
const stableAfterMs = 60_000;

/**
 * Loads the model in a child process of its own and resolves once it can answer. Throws `model_invalid` or
 * `config_invalid` where the first load fails. A child that dies later is replaced, as often as it takes but never
 * faster than the backoff allows; meanwhile `generate` throws `engine_crashed`.
 */
export async function startLlamaEngine(options: LlamaEngineOptions, signal: AbortSignal): Promise<LlamaEngine> {
  const engine = new ChildEngine(options);
  try {
    await engine.start(signal);
  } catch (error) {
    await engine.close();
    throw error;
  }
  return engine;
}

interface Loading {
  readonly resolve: (facts: EngineFacts) => void;
  readonly reject: (error: PeerError) => void;
}

class ChildEngine implements LlamaEngine {
  readonly reportsTokens = true;
  readonly #options: LlamaEngineOptions;
  readonly #closing = new AbortController();
  readonly #requests = new Map<number, Channel<GenerationEvent>>();
  readonly #counts = new Map<number, Channel<EngineCounters>>();
  #link: ChildLink | undefined;
  #facts: EngineFacts | undefined;
  #state: EngineState = "restarting";
  #restarts = 0;
  #lastId = 0;

  constructor(options: LlamaEngineOptions) {
    this.#options = options;
  }

  get facts(): EngineFacts {
    if (this.#facts === undefined) throw new PeerError("unexpected", "The engine has not loaded its model yet.");
    return this.#facts;
  }

  get contextLength(): number {
    return this.facts.contextLength;
  }

  get sequences(): number {
    return this.facts.sequences;
  }

  get pid(): number | undefined {
    return this.#link?.pid;
  }

  get restarts(): number {
    return this.#restarts;
  }

  state(): EngineState {
    return this.#state;
  }

  async start(signal: AbortSignal): Promise<void> {
    const { ended } = await this.#load(AbortSignal.any([signal, this.#closing.signal]));
    void this.#supervise(ended);
  }

  async *generate(generation: Generation, signal: AbortSignal): AsyncGenerator<GenerationEvent, void, undefined> {
    signal.throwIfAborted();
    const link = this.#readyLink();
    if (this.#requests.size >= requestsMax) {
      throw new PeerError("queue_full", `The engine has ${requestsMax} answers under way.`, { retryAfterSeconds: 1 });
    }
    const id = this.#nextId();
    const events = new Channel<GenerationEvent>(eventsMax);
    this.#requests.set(id, events);
    const onAbort = () => events.fail(signal.reason);
    signal.addEventListener("abort", onAbort);
    link.send({ kind: "generate", id, generation });
    let takenTokens = 0;
    let isEnded = false;
    try {
      for await (const event of events) {
        signal.throwIfAborted();
        isEnded = event.kind === "end";
        yield event;
        if (event.kind === "end") return;
        takenTokens += event.tokens.length;
        if (takenTokens >= windowTokens / 4) {
          link.send({ kind: "acknowledge", id, tokens: takenTokens });
          takenTokens = 0;
        }
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#requests.delete(id);
      if (!isEnded) link.send({ kind: "abort", id });
    }
  }

  async counters(signal: AbortSignal): Promise<EngineCounters> {
    signal.throwIfAborted();
    const link = this.#readyLink();
    const id = this.#nextId();
    const answer = new Channel<EngineCounters>(1);
    this.#counts.set(id, answer);
    const onAbort = () => answer.fail(signal.reason);
    signal.addEventListener("abort", onAbort);
    link.send({ kind: "count", id });
    try {
      for await (const counters of answer) return counters;
      throw new PeerError("unexpected", "The engine's counters ended without an answer.");
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#counts.delete(id);
    }
  }

  async close(): Promise<void> {
    this.#state = "closed";
    this.#closing.abort(new PeerError("cancelled", "The engine was closed."));
    this.#failAll(new PeerError("cancelled", "The engine was closed."));
    await this.#link?.close();
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  #readyLink(): ChildLink {
    if (this.#state === "closed") throw new PeerError("cancelled", "The engine was closed.");
    if (this.#state !== "ready" || this.#link === undefined) {
      throw new PeerError("engine_crashed", "The engine crashed and is starting again.", { retryAfterSeconds: 1 });
    }
    return this.#link;
  }

  /** Resolves once the model is loaded, with a promise of the child's end. */
  async #load(signal: AbortSignal): Promise<{ readonly ended: Promise<ChildEnd> }> {
    signal.throwIfAborted();
    let tellEnd: (how: ChildEnd) => void = () => {};
    const ended = new Promise<ChildEnd>((resolve) => {
      tellEnd = resolve;
    });
    let onAbort = () => {};
    try {
      this.#facts = await new Promise<EngineFacts>((resolve, reject) => {
        onAbort = () => reject(signal.reason);
        signal.addEventListener("abort", onAbort, { once: true });
        const link = new ChildLink({
          opening: openingOf(this.#options),
          receive: (message) => this.#receive(message, { resolve, reject }),
          ended: (how) => {
            reject(crashError(how, link.lastWords));
            tellEnd(how);
          },
        });
        this.#link = link;
      });
    } catch (error) {
      await this.#link?.close();
      throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
    this.#state = "ready";
    this.#options.log.info("engine-ready", { pid: this.pid ?? 0, restarts: this.#restarts });
    return { ended };
  }

  #receive(message: FromChild, loading: Loading): void {
    switch (message.kind) {
      case "opened":
        if (message.facts !== null && "gpu" in message.facts) loading.resolve(message.facts);
        return;
      case "failed":
        loading.reject(errorOf(message.failure));
        return;
      case "step":
        for (const told of message.events) {
          const events = this.#requests.get(told.id);
          if ("failure" in told) events?.fail(errorOf(told.failure));
          else events?.push(told.event);
        }
        return;
      case "counters":
        this.#counts.get(message.id)?.push(message.counters);
        return;
      case "answer":
      case "refusal":
        return;
      default:
        message satisfies never;
    }
  }

  /** Replaces the child each time it ends, until the engine is closed. */
  async #supervise(firstEnd: Promise<ChildEnd>): Promise<void> {
    let ended: Promise<ChildEnd> | undefined = firstEnd;
    let attempt = 0;
    let readyAt = performance.now();
    while (!this.#closing.signal.aborted) {
      if (ended !== undefined) {
        const how = await ended;
        if (this.#closing.signal.aborted) return;
        this.#state = "restarting";
        const error = crashError(how, this.#link?.lastWords ?? "");
        this.#options.log.warn("engine-crashed", { how, restarts: this.#restarts });
        this.#failAll(error);
        if (performance.now() - readyAt > stableAfterMs) attempt = 0;
      }
      try {
        await systemClock.sleep(restartDelayMs(attempt, Math.random()), this.#closing.signal);
        attempt += 1;
        this.#restarts += 1;
        ended = (await this.#load(this.#closing.signal)).ended;
        readyAt = performance.now();
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        ended = undefined;
        this.#options.log.error("engine-start-failed", { error, restarts: this.#restarts });
      }
    }
  }

  #failAll(error: PeerError): void {
    for (const waiting of [...this.#requests.values(), ...this.#counts.values()]) waiting.fail(error);
  }
}

/** Milliseconds before restart `attempt` (0-based): between half of and the whole of min(60,000, 100 · 2^attempt). */
export function restartDelayMs(attempt: number, random: number): number {
  const most = Math.min(restartDelayMsMax, restartDelayMsMin * 2 ** Math.min(attempt, 20));
  return most / 2 + (most / 2) * random;
}

function openingOf({ modelFile, threads, gpu, sequences, contextLength }: LlamaEngineOptions): EngineOpening {
  return { role: "engine", modelFile, threads, gpu, sequences, contextLength, windowTokens };
}

function crashError(how: ChildEnd, lastWords: string): PeerError {
  return new PeerError("engine_crashed", `The engine's process ended (${how}).`, {
    ...(lastWords === "" ? {} : { cause: new Error(lastWords) }),
  });
}
