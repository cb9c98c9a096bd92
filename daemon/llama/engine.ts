import { Channel } from "../../src/channel.ts";
import type { Engine, Generation, GenerationEvent } from "../../src/chat/generation.ts";
import { PeerError } from "../../src/errors.ts";
import type { Log } from "../../src/log.ts";
import { errorOf } from "./failure.ts";
import type { EngineCounters, EngineFacts, FromChild, Gpu } from "./messages.ts";
import { type EngineState, SupervisedChild } from "./supervised-child.ts";

export interface LlamaEngineOptions {
  readonly modelFile: string;
  /** Threads that compute. A tiny model on a busy machine is fastest with 1. */
  readonly threads: number;
  readonly gpu: Gpu;
  /** Answers decoded at once; each has its own context. */
  readonly sequences: number;
  /** Most tokens of a prompt and its answer together; no more than the model was trained on. */
  readonly contextLength: number;
  /** Makes sure of the model's file before it is loaded again after a crash; by default it is taken as it is. */
  readonly restore?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** `state` tells another than before; of a crash it does so before any answer fails. */
  readonly onStateChange?: () => void;
  readonly log: Log;
}

export interface LlamaEngine extends Engine {
  readonly facts: EngineFacts;
  /** The child's process id; undefined while there is none that could answer. */
  readonly pid: number | undefined;
  readonly restarts: number;
  /** Answers being made or waiting. */
  readonly activeStreams: number;
  state(): EngineState;
  counters(signal: AbortSignal): Promise<EngineCounters>;
}

/** Tokens a stream may be ahead of its consumer before it is parked. */
const windowTokens = 256;
/** What can come of one answer before its consumer takes any: a full window, then the flush and the end. */
const eventsMax = windowTokens + 2;
/** Answers waiting for a sequence or running. */
const requestsMax = 256;

/**
 * Loads the model in a child process of its own and resolves once it can answer. Throws `model_invalid` where
 * llama.cpp refuses the file or trips over it, `config_invalid`, or `engine_crashed` where the child is ended. A child that dies later
 * ends its answers with `engine_crashed` and is replaced; until then `generate` throws the same.
 */
export async function startLlamaEngine(options: LlamaEngineOptions, signal: AbortSignal): Promise<LlamaEngine> {
  const { log, restore = async () => {}, onStateChange = () => {}, ...course } = options;
  const requests = new Map<number, Channel<GenerationEvent>>();
  const counts = new Map<number, Channel<EngineCounters>>();
  const child = new SupervisedChild({
    opening: { role: "engine", ...course, windowTokens },
    log,
    restore,
    receive,
    onStateChange,
    lost(error) {
      for (const waiting of [...requests.values(), ...counts.values()]) waiting.fail(error);
    },
    askStepMs: async (limited) => (await counters(limited)).stepElapsedMs,
  });
  let lastId = 0;

  function receive(message: FromChild): void {
    if (message.kind === "counters") counts.get(message.id)?.push(message.counters);
    else if (message.kind === "step") {
      for (const told of message.events) {
        const events = requests.get(told.id);
        if ("failure" in told) events?.fail(errorOf(told.failure));
        else events?.push(told.event);
      }
    }
  }

  async function* generate(generation: Generation, signal: AbortSignal): AsyncGenerator<GenerationEvent, void> {
    signal.throwIfAborted();
    const link = child.link();
    if (requests.size >= requestsMax) {
      throw new PeerError("queue_full", `The engine has ${requestsMax} answers under way.`, { retryAfterSeconds: 1 });
    }
    lastId += 1;
    const id = lastId;
    const events = new Channel<GenerationEvent>(eventsMax);
    requests.set(id, events);
    // Told at once: its consumer may be long at what it has, and the sequence is others' to have.
    const onAbort = () => {
      events.fail(signal.reason);
      link.send({ kind: "abort", id });
    };
    // Many answers may share a signal, and Node counts its listeners.
    const own = AbortSignal.any([signal]);
    own.addEventListener("abort", onAbort);
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
      own.removeEventListener("abort", onAbort);
      requests.delete(id);
      if (!isEnded && !signal.aborted) link.send({ kind: "abort", id });
    }
  }

  async function counters(signal: AbortSignal): Promise<EngineCounters> {
    signal.throwIfAborted();
    const link = child.link();
    lastId += 1;
    const id = lastId;
    const answer = new Channel<EngineCounters>(1);
    counts.set(id, answer);
    const onAbort = () => answer.fail(signal.reason);
    signal.addEventListener("abort", onAbort);
    link.send({ kind: "count", id });
    try {
      for await (const counted of answer) return counted;
      throw new PeerError("unexpected", "The engine's counters ended without an answer.");
    } finally {
      signal.removeEventListener("abort", onAbort);
      counts.delete(id);
    }
  }

  const facts = await child.start(signal);
  return {
    facts,
    contextLength: facts.contextLength,
    sequences: facts.sequences,
    reportsTokens: true,
    get pid() {
      return child.pid;
    },
    get restarts() {
      return child.restarts;
    },
    get activeStreams() {
      return requests.size;
    },
    state: () => child.state,
    generate,
    counters,
    close: () => child.close(),
  };
}
