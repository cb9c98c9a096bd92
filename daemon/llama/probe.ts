import { PeerError } from "../../src/errors.ts";
import { readGgufFacts } from "../../src/models/gguf.ts";
import { timeLimit } from "../../src/time-limit.ts";
import { errorOf } from "./failure.ts";
import { ChildLink } from "./link.ts";

const probeWithinMs = 60_000;

/**
 * Opens a file nobody vouches for in a process of its own, which is thrown away, once its header makes sense. Throws
 * `model_invalid` when it doesn't, when llama.cpp refuses the file, dies of it or takes more than a minute;
 * `file_missing`, or the signal's reason.
 */
export async function probeModel(modelFile: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await readGgufFacts(modelFile);
  const timeout = timeLimit(probeWithinMs);
  const limited = AbortSignal.any([signal, timeout]);
  let link: ChildLink | undefined;
  let onAbort = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      onAbort = () => reject(limited.reason);
      limited.addEventListener("abort", onAbort);
      link = new ChildLink({
        opening: { role: "probe", modelFile },
        receive(message) {
          if (message.kind === "failed") reject(errorOf(message.failure));
          else if (message.kind === "opened") resolve();
        },
        ended: (how) => reject(new PeerError("model_invalid", `This model file crashes llama.cpp (${how}).`)),
      });
    });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (!timeout.aborted) throw error;
    throw new PeerError("model_invalid", `llama.cpp could not open this model file in ${probeWithinMs / 1000} s.`);
  } finally {
    limited.removeEventListener("abort", onAbort);
    await link?.close();
  }
}
