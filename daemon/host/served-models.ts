import type { Engine } from "../../src/chat/generation.ts";
import { PeerError } from "../../src/errors.ts";
import type { OfferedModel } from "../../src/protocol/frame.ts";
import type { EngineSettings } from "./engine-settings.ts";
import type { Pace } from "./pace.ts";

/** Tokens per second: reading a prompt, one answer alone, and all sequences together. */
export type Benchmark = {
  readonly prefillTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
  readonly decodeTokensPerSecondAtAllSequences: number;
};

export interface HostedEngine extends Engine {
  state(): "ready" | "restarting" | "closed";
}

/** A file on this machine, verified where it came from a network; or whatever an OpenAI-compatible server has loaded. */
export type Weights =
  | { readonly kind: "file"; readonly file: string }
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

/** The models a host serves, by digest; each has an engine of its own. */
export class ServedModels {
  readonly #models = new Map<string, ServedModel>();

  add(served: ServedModel): void {
    this.#models.set(served.model.digest, served);
  }

  list(): readonly ServedModel[] {
    return [...this.#models.values()];
  }

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

  /** Stops the engine of a model and takes it off the offer. */
  async remove(served: ServedModel): Promise<void> {
    this.#models.delete(served.model.digest);
    await served.engine.close();
  }

  /**
   * What the network is told: no speed above the pace, nor more answers at once than it gives a token a second each,
   * and an engine that restarts after a crash not at all.
   */
  offers(pace: Pace | null): OfferedModel[] {
    const most = pace?.tokensPerSecondMax ?? Number.POSITIVE_INFINITY;
    return this.list()
      .filter(({ engine }) => engine.state() === "ready")
      .map(({ model, engine, benchmark }) => ({
        model: model.reference,
        digest: model.digest,
        contextLength: engine.contextLength,
        sequences: Math.min(engine.sequences, Math.max(1, Math.floor(most))),
        reportsTokens: engine.reportsTokens,
        prefillTokensPerSecond: benchmark.prefillTokensPerSecond,
        decodeTokensPerSecond: Math.min(benchmark.decodeTokensPerSecond, most),
        decodeTokensPerSecondAtAllSequences: Math.min(benchmark.decodeTokensPerSecondAtAllSequences, most),
      }));
  }

  async close(): Promise<void> {
    await Promise.all(this.list().map(({ engine }) => engine.close()));
  }
}

function nameOf({ reference }: HostedModel): string {
  return reference.split(":")[0] ?? reference;
}
