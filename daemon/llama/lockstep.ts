import type { LlamaContext, Token } from "node-llama-cpp";
import type { Generation, GenerationEvent } from "../../src/chat/generation.ts";
import type { Clock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import type { EngineCounters } from "./messages.ts";
import { SequencePool } from "./sequences.ts";
import { draftStream, lastEvents, type Stream, type StreamCourse, sampleToken } from "./stream.ts";

export interface LockstepOptions extends StreamCourse {
  readonly context: LlamaContext;
  /** Unacknowledged tokens at which a stream is parked. */
  readonly windowTokens: number;
  readonly clock: Pick<Clock, "monotonic">;
  /** Told once for each step that has something to tell. */
  readonly emit: (events: readonly LockstepEvent[]) => void;
}

export type LockstepEvent =
  | { readonly id: number; readonly event: GenerationEvent }
  | { readonly id: number; readonly error: unknown };

/** Prompt tokens evaluated in a step that others wait for, so that a long prompt holds nobody up for long. */
const prefillTokensBesideOthers = 128;
/** How long a step that reads prompts is to take: whoever comes or leaves meanwhile waits for its end. */
const stepMsWanted = 200;
/** Fewer at once cost more each: 9% at 32, half as much again at 16. */
const prefillTokensMin = 32;

interface Waiting {
  readonly id: number;
  readonly generation: Generation;
  isAborted: boolean;
}

/**
 * Decodes all streams in step, over the binding's public API: in each step every stream that may go on asks for its
 * next token (or reads a piece of its prompt), and all of them share one call of llama.cpp's decode. The binding's own
 * loop would leave one stream out of each batch, because it decodes again as soon as any stream has asked.
 */
export class Lockstep {
  readonly #options: LockstepOptions;
  readonly #pool: SequencePool;
  readonly #waiting: Waiting[] = [];
  readonly #streams = new Map<number, Stream>();
  #admitting: Waiting | undefined;
  #events: LockstepEvent[] = [];
  #resume: (() => void) | undefined;
  /** Whether something happened since the streams were last looked at. */
  #isStirred = false;
  #isClosed = false;
  readonly #decodesByStreams: Record<string, number> = {};
  #tokensDecoded = 0;
  #tokensFromCache = 0;
  #stepStartedAt: number | undefined;
  /** Prompt tokens that a step has time for, as far as is known. */
  #prefillTokensMax = prefillTokensMin;

  constructor(options: LockstepOptions) {
    this.#options = options;
    this.#pool = new SequencePool(options.context);
  }

  submit(id: number, generation: Generation): void {
    this.#waiting.push({ id, generation, isAborted: false });
    this.#stir();
  }

  /** The consumer has taken `tokens` more of the stream. */
  acknowledge(id: number, tokens: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.unacknowledgedTokens -= tokens;
    this.#stir();
  }

  /** Ends a stream without another event; its sequence is free at the next border. */
  abort(id: number): void {
    const index = this.#waiting.findIndex((waiting) => waiting.id === id);
    if (index >= 0) this.#waiting.splice(index, 1);
    const stream = this.#streams.get(id);
    if (stream !== undefined) stream.isAborted = true;
    if (this.#admitting?.id === id) this.#admitting.isAborted = true;
    this.#stir();
  }

  /** To be told of each decode; see `createContext`. */
  countDecode(streams: number, tokens: number): void {
    this.#decodesByStreams[streams] = (this.#decodesByStreams[streams] ?? 0) + 1;
    this.#tokensDecoded += tokens;
  }

  get counters(): EngineCounters {
    return {
      streamsActive: this.#streams.size,
      streamsWaiting: this.#waiting.length,
      sequencesFree: this.#pool.freeCount,
      decodesByStreams: { ...this.#decodesByStreams },
      tokensDecoded: this.#tokensDecoded,
      tokensFromCache: this.#tokensFromCache,
      stepElapsedMs: this.#stepStartedAt === undefined ? 0 : this.#now() - this.#stepStartedAt,
    };
  }

  /** Runs until `close`. */
  async run(): Promise<void> {
    while (!this.#isClosed) {
      this.#isStirred = false;
      await this.#dropAborted();
      await this.#admit();
      const runnable = [...this.#streams.values()].filter((stream) => !this.#isParked(stream));
      if (runnable.length > 0) await this.#step(runnable);
      this.#flushEvents();
      if (runnable.length === 0) await this.#untilStirred();
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#stir();
  }

  #isParked(stream: Stream): boolean {
    return stream.unacknowledgedTokens >= this.#options.windowTokens;
  }

  #stir(): void {
    this.#isStirred = true;
    this.#resume?.();
  }

  async #untilStirred(): Promise<void> {
    if (this.#isStirred) return;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
    this.#resume = undefined;
  }

  async #dropAborted(): Promise<void> {
    for (const stream of this.#streams.values()) {
      if (stream.isAborted) await this.#drop(stream);
    }
  }

  async #drop(stream: Stream): Promise<void> {
    await stream.iterator?.return();
    this.#streams.delete(stream.id);
    this.#pool.release(stream.slot);
  }

  async #admit(): Promise<void> {
    while (this.#pool.freeCount > 0) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) return;
      this.#admitting = waiting;
      try {
        await this.#start(waiting);
      } catch (error) {
        this.#events.push({ id: waiting.id, error });
      }
      this.#admitting = undefined;
    }
  }

  async #start(waiting: Waiting): Promise<void> {
    const { id, generation } = waiting;
    const draft = draftStream(id, generation, this.#options);
    if (draft.isOver) {
      this.#events.push(...lastEvents(draft, draft.isStopped ? "stop" : "length"));
      return;
    }
    const slot = await this.#pool.acquire(generation.cacheKey, draft.pending);
    if (slot === undefined) throw new PeerError("unexpected", "No sequence is free though one was counted.");
    const cachedTokens = slot.sequence.nextTokenIndex;
    this.#tokensFromCache += cachedTokens;
    const pending = draft.pending.slice(cachedTokens);
    this.#streams.set(id, { ...draft, slot, cachedTokens, pending, isAborted: waiting.isAborted });
  }

  /** One decode: every stream's next token, and of the prompts an even share of what there is room and time for. */
  async #step(streams: readonly Stream[]): Promise<void> {
    const prefilling = streams.filter((stream) => stream.pending.length > 1);
    const others = streams.length - prefilling.length;
    const room = Math.min(this.#options.context.batchSize - others, this.#prefillTokensMax);
    const share = Math.floor((others > 0 ? Math.min(room, prefillTokensBesideOthers) : room) / prefilling.length);
    const startedAt = this.#now();
    const decodedBefore = this.#tokensDecoded;
    this.#stepStartedAt = startedAt;
    await Promise.all(streams.map((stream) => this.#advance(stream, Math.max(1, share))));
    this.#stepStartedAt = undefined;
    if (prefilling.length > 0) this.#learn(this.#tokensDecoded - decodedBefore, this.#now() - startedAt);
  }

  /** What a step of `tokens` tells of those to come. A short one of few says nothing: each costs more than in many. */
  #learn(tokens: number, elapsedMs: number): void {
    if (elapsedMs < stepMsWanted && tokens < this.#prefillTokensMax / 2) return;
    const inTime = Math.floor((tokens * stepMsWanted) / Math.max(elapsedMs, 1));
    this.#prefillTokensMax = Math.min(Math.max(inTime, prefillTokensMin), this.#options.context.batchSize);
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  async #advance(stream: Stream, prefillTokens: number): Promise<void> {
    try {
      if (stream.pending.length > prefillTokens) {
        const piece = stream.pending.slice(0, prefillTokens);
        await stream.slot.sequence.evaluateWithoutGeneratingNewTokens(piece);
        stream.pending = stream.pending.slice(prefillTokens);
      } else {
        const token = await sampleToken(stream);
        if (!stream.isAborted) await this.#take(stream, token);
      }
    } catch (error) {
      this.#streams.delete(stream.id);
      await this.#pool.discard(stream.slot);
      this.#events.push({ id: stream.id, error });
    }
  }

  async #take(stream: Stream, token: Token): Promise<void> {
    stream.firstTokenAt ??= performance.now();
    if (this.#options.model.isEogToken(token)) return this.#finish(stream, "stop");
    stream.pending = [token];
    stream.completionTokens += 1;
    stream.unacknowledgedTokens += 1;
    const { text, isStopped } = stream.verbaliser.push([token]);
    this.#events.push({ id: stream.id, event: { kind: "delta", tokens: [token], text } });
    if (isStopped) await this.#finish(stream, "stop");
    else if (stream.completionTokens >= stream.completionTokensMax) await this.#finish(stream, "length");
  }

  async #finish(stream: Stream, finishReason: "stop" | "length"): Promise<void> {
    this.#events.push(...lastEvents(stream, finishReason));
    await this.#drop(stream);
  }

  #flushEvents(): void {
    if (this.#events.length === 0) return;
    this.#options.emit(this.#events);
    this.#events = [];
  }
}
