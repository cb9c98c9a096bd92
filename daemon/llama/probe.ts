import { isPeerError, PeerError } from "../../src/errors.ts";
import { readGgufFacts } from "../../src/models/gguf.ts";
import { errorOf } from "./failure.ts";
import { ChildLink } from "./link.ts";
import type { GgufFacts } from "./messages.ts";

export interface ProbeOptions {
  readonly modelFile: string;
  /** The context whose memory is to be estimated. */
  readonly sequences: number;
  readonly contextLength: number;
}

const probeWithinMs = 60_000;

/**
 * Opens a file nobody vouches for in a process of its own, which is thrown away, once its header makes sense. Throws
 * `model_invalid` when it doesn't, when llama.cpp refuses the file, dies of it or takes more than a minute;
 * `file_missing`, or the signal's reason.
 */
export async function probeModel(options: ProbeOptions, signal: AbortSignal): Promise<GgufFacts> {
  signal.throwIfAborted();
  await readGgufFacts(options.modelFile);
  const timeout = AbortSignal.timeout(probeWithinMs);
  const limited = AbortSignal.any([signal, timeout]);
  let link: ChildLink | undefined;
  let onAbort = () => {};
  try {
    return await new Promise<GgufFacts>((resolve, reject) => {
      onAbort = () => reject(limited.reason);
      limited.addEventListener("abort", onAbort);
      link = new ChildLink({
        opening: { role: "probe", ...options },
        receive(message) {
          if (message.kind === "failed") reject(errorOf(message.failure));
          else if (message.kind === "opened" && message.facts !== null && "quantisation" in message.facts) {
            resolve(message.facts);
          }
        },
        ended: (how) => reject(new PeerError("model_invalid", `This model file crashes llama.cpp (${how}).`)),
      });
    });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (timeout.aborted) {
      throw new PeerError("model_invalid", `llama.cpp could not read this model file in ${probeWithinMs / 1000} s.`);
    }
    if (isPeerError(error, "unexpected")) {
      throw new PeerError("model_invalid", `llama.cpp can't read this model file: ${error.message}`, { cause: error });
    }
    throw error;
  } finally {
    limited.removeEventListener("abort", onAbort);
    await link?.close();
  }
}
