import type { CustomBatchingPrioritizationStrategy, LlamaContext, LlamaModel } from "node-llama-cpp";
import { PeerError } from "../../src/errors.ts";
import { reasonOf } from "./library.ts";

export interface ContextOptions {
  readonly sequences: number;
  readonly contextLength: number;
  readonly threads: number;
}

/** Told of each decode: how many streams share it, and how many tokens it has. */
export type CountDecode = (streams: number, tokens: number) => void;

/** Throws `config_invalid` where there is no room for it. */
export async function createContext(
  model: LlamaModel,
  { sequences, contextLength, threads }: ContextOptions,
  count: CountDecode,
): Promise<LlamaContext> {
  try {
    return await model.createContext({
      sequences,
      contextSize: contextLength,
      threads: { ideal: threads, min: threads },
      flashAttention: flashAttentionFor(model.llama.gpu),
      batching: { itemPrioritizationStrategy: inOrderCounted(count) },
    });
  } catch (cause) {
    throw new PeerError("config_invalid", `No context of ${sequences} × ${contextLength} tokens: ${reasonOf(cause)}`, {
      cause,
      hint: "Use fewer sequences or a shorter context.",
    });
  }
}

/**
 * None on a CPU: its kernels for one token and for many round so differently that what was written by decoding and is
 * read again as a prompt flips near ties. With it 2 of 373 greedy continuations of a weak model went astray and 83 of
 * 404 sampled ones; without it none of 363 and 11 of 389.
 */
function flashAttentionFor(gpu: LlamaModel["llama"]["gpu"]): "auto" | false {
  return gpu === false ? false : "auto";
}

/** The lockstep asks for no more than fits one decode, so the order is its own; this is where decodes are counted. */
function inOrderCounted(count: CountDecode): CustomBatchingPrioritizationStrategy {
  return ({ items, size }) => {
    let left = size;
    const chosen = [];
    for (const item of items) {
      const processAmount = Math.min(item.tokens.length, left);
      if (processAmount === 0) break;
      chosen.push({ item, processAmount });
      left -= processAmount;
    }
    count(chosen.length, size - left);
    return chosen;
  };
}
