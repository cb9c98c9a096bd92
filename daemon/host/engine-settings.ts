import { threadsAtOnce } from "../../src/machine.ts";
import { tokensMax } from "../../src/protocol/frame.ts";
import type { HostStart } from "../../src/protocol/start.ts";

export interface EngineSettings {
  readonly threads: number;
  readonly gpu: HostStart["gpu"];
  readonly sequences: number;
  readonly contextLength: number;
}

/** Below this a model's steps are so short that a second thread costs more in waiting than it computes. */
const tinyModelBytes = 64_000_000;
const contextLengthDefault = 8_192;
const sequencesDefault = 4;
const sequencesOfTinyModel = 8;

/** What an engine runs with: what the owner asked for, else what suits the model and the machine. */
export function engineSettings(
  start: Pick<HostStart, "threads" | "gpu" | "sequences" | "context">,
  model: { readonly sizeBytes: number; readonly contextLength: number },
): EngineSettings {
  const isTiny = model.sizeBytes < tinyModelBytes;
  return {
    threads: start.threads ?? (isTiny ? 1 : threadsAtOnce()),
    gpu: start.gpu,
    sequences: start.sequences ?? (isTiny ? sequencesOfTinyModel : sequencesDefault),
    contextLength: Math.min(start.context ?? contextLengthDefault, model.contextLength, tokensMax),
  };
}
