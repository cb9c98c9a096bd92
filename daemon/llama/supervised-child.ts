import { systemClock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import type { Log } from "../../src/log.ts";
import { errorOf } from "./failure.ts";
import { type ChildEnd, ChildLink } from "./link.ts";
import type { EngineFacts, EngineOpening, FromChild } from "./messages.ts";
import { watch } from "./watchdog.ts";

export interface SupervisedChildOptions {
  readonly opening: EngineOpening;
  readonly log: Log;
  /** Makes sure of the model's file before it is loaded again; while it can't, the child is not replaced. */
  readonly restore: (signal: AbortSignal) => Promise<void>;
  readonly receive: (message: FromChild) => void;
  /** `state` is another than before. Called before `lost`, so that what was lost is not given to this child again. */
  readonly onStateChange: () => void;
  /** The child is gone; whoever waits for it is to be told. Called before it is replaced. */
  readonly lost: (error: PeerError) => void;
  /** How long the child's present step has taken; see `watch`. */
  readonly askStepMs: (signal: AbortSignal) => Promise<number>;
}

export type EngineState = "ready" | "restarting" | "closed";

const restartDelayMsMin = 100;
const restartDelayMsMax = 60_000;
/** A child that lived this long has earned a short delay again. */
const stableAfterMs = 60_000;
const watchEveryMs = 5_000;
const silenceMsMax = 20_000;
const stepMsMax = 300_000;

/**
 * An engine's child process, replaced whenever it ends: as often as it takes, so that a host needs no hand, but never
 * faster than the backoff allows. One that gives no sign of life is killed first.
 */
export class SupervisedChild {
  readonly #options: SupervisedChildOptions;
  readonly #closing = new AbortController();
  #link: ChildLink | undefined;
  #state: EngineState = "restarting";
  #restarts = 0;

  constructor(options: SupervisedChildOptions) {
    this.#options = options;
  }

  get state(): EngineState {
    return this.#state;
  }

  get restarts(): number {
    return this.#restarts;
  }

  get pid(): number | undefined {
    return this.#state === "ready" ? this.#link?.pid : undefined;
  }

  /** Resolves once the model is loaded. Rejects, and leaves no process, where it can't be. */
  async start(signal: AbortSignal): Promise<EngineFacts> {
    const { facts, ended } = await this.#load(AbortSignal.any([signal, this.#closing.signal]));
    void this.#supervise(ended);
    return facts;
  }

  /** The link to a child that is there and ready; throws `engine_crashed` while there is none. */
  link(): ChildLink {
    if (this.#state === "closed") throw closedError();
    if (this.#state !== "ready" || this.#link === undefined) {
      throw new PeerError("engine_crashed", "The engine crashed and is starting again.", { retryAfterSeconds: 1 });
    }
    return this.#link;
  }

  async close(): Promise<void> {
    this.#become("closed");
    this.#closing.abort(closedError());
    this.#options.lost(closedError());
    await this.#link?.close();
  }

  #become(state: EngineState): void {
    this.#state = state;
    this.#options.onStateChange();
  }

  /** Loads the model in a new child; `ended` resolves when that ends, however it does. */
  async #load(signal: AbortSignal): Promise<{ readonly facts: EngineFacts; readonly ended: Promise<ChildEnd> }> {
    signal.throwIfAborted();
    const life = new AbortController();
    let onAbort = () => {};
    try {
      const facts = await new Promise<EngineFacts>((resolve, reject) => {
        onAbort = () => reject(signal.reason);
        signal.addEventListener("abort", onAbort, { once: true });
        const link = new ChildLink({
          opening: this.#options.opening,
          receive: (message) => {
            if (message.kind === "failed") reject(errorOf(message.failure));
            else if (message.kind !== "opened") this.#options.receive(message);
            else if (message.facts !== null) resolve(message.facts);
          },
          ended: (how) => {
            reject(loadingError(how, link.lastWords));
            life.abort(how);
          },
        });
        this.#link = link;
      });
      signal.throwIfAborted();
      this.#become("ready");
      this.#options.log.info("engine-ready", { pid: this.pid, restarts: this.#restarts });
      void this.#watch(life.signal);
      return { facts, ended: endOf(life.signal) };
    } catch (error) {
      await this.#link?.close();
      throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  async #supervise(firstEnd: Promise<ChildEnd>): Promise<void> {
    let ended = firstEnd;
    let attempt = 0;
    while (true) {
      const readyAt = performance.now();
      const how = await ended;
      if (this.#closing.signal.aborted) return;
      this.#become("restarting");
      const lastWords = this.#link?.lastWords ?? "";
      this.#options.log.warn("engine-crashed", { how, lastWords, restarts: this.#restarts });
      this.#options.lost(crashError(how, lastWords));
      if (performance.now() - readyAt > stableAfterMs) attempt = 0;
      const replacement = await this.#replace(attempt);
      if (replacement === undefined) return;
      ended = replacement.ended;
      attempt = replacement.attempts;
    }
  }

  /** Tries until the model is loaded again; undefined when the engine is closed before. */
  async #replace(firstAttempt: number): Promise<{ ended: Promise<ChildEnd>; attempts: number } | undefined> {
    for (let attempt = firstAttempt; ; attempt++) {
      try {
        await systemClock.sleep(restartDelayMs(attempt, Math.random()), this.#closing.signal);
        await this.#options.restore(this.#closing.signal);
        this.#restarts += 1;
        const { ended } = await this.#load(this.#closing.signal);
        return { ended, attempts: attempt + 1 };
      } catch (error) {
        if (this.#closing.signal.aborted) return undefined;
        this.#options.log.error("engine-start-failed", { error, restarts: this.#restarts });
      }
    }
  }

  async #watch(life: AbortSignal): Promise<void> {
    const { askStepMs, log } = this.#options;
    const wedged = (why: string) => {
      log.error("engine-wedged", { why, pid: this.pid });
      void this.#link?.close();
    };
    const watched = AbortSignal.any([life, this.#closing.signal]);
    await watch({ everyMs: watchEveryMs, silenceMsMax, stepMsMax, ask: askStepMs, wedged }, watched);
  }
}

/** Milliseconds before restart `attempt` (0-based): between half of and the whole of min(60,000, 100 · 2^attempt). */
export function restartDelayMs(attempt: number, random: number): number {
  const most = Math.min(restartDelayMsMax, restartDelayMsMin * 2 ** Math.min(attempt, 20));
  return most / 2 + (most / 2) * random;
}

function endOf(life: AbortSignal): Promise<ChildEnd> {
  return new Promise((resolve) => {
    if (life.aborted) resolve(String(life.reason));
    else life.addEventListener("abort", () => resolve(String(life.reason)), { once: true });
  });
}

function crashError(how: ChildEnd, lastWords: string): PeerError {
  return new PeerError("engine_crashed", `The engine's process ended (${how}).`, {
    ...(lastWords === "" ? {} : { cause: new Error(lastWords) }),
  });
}

/** The signals by which a process ends that trips over what it reads. */
const faults: readonly ChildEnd[] = ["SIGABRT", "SIGSEGV", "SIGBUS", "SIGFPE"];

function loadingError(how: ChildEnd, lastWords: string): PeerError {
  const cause = lastWords === "" ? {} : { cause: new Error(lastWords) };
  if (faults.includes(how)) return new PeerError("model_invalid", `This model file crashes llama.cpp (${how}).`, cause);
  return new PeerError("engine_crashed", `The engine's process ended while it loaded the model (${how}).`, {
    ...cause,
    ...(how === "SIGKILL"
      ? { hint: "It may take more memory than there is: give less --context or --sequences." }
      : {}),
  });
}

function closedError(): PeerError {
  return new PeerError("cancelled", "The engine was closed.");
}
