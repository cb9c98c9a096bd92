import type { Engine } from "../../src/chat/generation.ts";
import type { Clock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import { type OfferedModel, offeredRateMax } from "../../src/protocol/frame.ts";
import type { EngineSettings } from "./engine-settings.ts";
import type { Pace } from "./pace.ts";

/** Tokens per second: reading a prompt, one answer alone, and all sequences together. */
export type Benchmark = {
  readonly prefillTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
  readonly decodeTokensPerSecondAtAllSequences: number;
};

export interface HostedEngine extends Engine {
  /** Answers it makes now, or has waiting. */
  readonly activeStreams: number;
  state(): "ready" | "restarting" | "closed";
}

/**
 * A file on this machine; where it came from a network it was verified, and `restore` does so again, and fetches it
 * anew where it was damaged since. Or whatever an OpenAI-compatible server has loaded.
 */
export type Weights =
  | { readonly kind: "file"; readonly file: string; readonly restore?: (signal: AbortSignal) => Promise<void> }
  | { readonly kind: "upstream"; readonly url: string };

/** A model that this host can serve. */
export interface HostedModel {
  /** `owner/name:version`, or the file's base name. */
  readonly reference: string;
  /** "sha256:" and 64 hex digits. */
  readonly digest: string;
  readonly weights: Weights;
  readonly sizeBytes: number;
  readonly contextLength: number;
}

export interface ServedModel {
  readonly model: HostedModel;
  readonly settings: EngineSettings;
  readonly engine: HostedEngine;
  readonly benchmark: Benchmark;
}

const drainStepMs = 50;

/** The models a host serves, by digest; each has an engine of its own. */
export class ServedModels {
  readonly #models = new Map<string, ServedModel>();
  /** Digests of those that end what runs and are gone then. */
  readonly #leaving = new Set<string>();

  add(served: ServedModel): void {
    this.#models.set(served.model.digest, served);
  }

  list(): readonly ServedModel[] {
    return [...this.#models.values()].filter(({ model }) => !this.#leaving.has(model.digest));
  }

  /** One that is leaving too: who asks for it has not heard yet. */
  get(digest: string): ServedModel | undefined {
    return this.#models.get(digest);
  }

  /** By reference, with or without its version. Throws `model_missing`. */
  find(reference: string): ServedModel {
    const found = this.list().find(({ model }) => model.reference === reference || nameOf(model) === reference);
    if (found !== undefined) return found;
    const served = this.list().map(({ model }) => model.reference);
    const what = served.length === 0 ? "no model" : served.join(", ");
    throw new PeerError("model_missing", `This host does not serve "${reference}". It serves ${what}.`);
  }

  /** Takes a model off the offer at once, and stops its engine when its answers have ended or `limit` cuts them. */
  async remove({ model, engine }: ServedModel, clock: Clock, limit: AbortSignal): Promise<void> {
    this.#leaving.add(model.digest);
    while (engine.activeStreams > 0 && !limit.aborted) await clock.sleep(drainStepMs, limit).catch(() => undefined);
    this.#models.delete(model.digest);
    this.#leaving.delete(model.digest);
    await engine.close();
  }

  /**
   * What the network is told: no speed above the pace, nor of all models together more answers at once than it gives
   * a token a second each, but one of each model; and an engine that restarts after a crash not at all.
   */
  offers(pace: Pace | null): OfferedModel[] {
    const most = pace?.tokensPerSecondMax ?? offeredRateMax;
    const ready = this.list().filter(({ engine }) => engine.state() === "ready");
    const sequencesMax = Math.max(1, Math.floor(most / ready.length));
    return ready.map(({ model, engine, benchmark }) => ({
      model: model.reference,
      digest: model.digest,
      contextLength: engine.contextLength,
      sequences: Math.min(engine.sequences, sequencesMax),
      reportsTokens: engine.reportsTokens,
      prefillTokensPerSecond: Math.min(benchmark.prefillTokensPerSecond, offeredRateMax),
      decodeTokensPerSecond: Math.min(benchmark.decodeTokensPerSecond, most),
      decodeTokensPerSecondAtAllSequences: Math.min(benchmark.decodeTokensPerSecondAtAllSequences, most),
    }));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#models.values()].map(({ engine }) => engine.close()));
  }
}

function nameOf({ reference }: HostedModel): string {
  return reference.split(":")[0] ?? reference;
}
