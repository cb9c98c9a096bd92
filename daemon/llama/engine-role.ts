import type { CustomBatchingPrioritizationStrategy, LlamaModel } from "node-llama-cpp";
import { PeerError } from "../../src/errors.ts";
import { failureOf } from "./failure.ts";
import { loadWeights, openLibrary, reasonOf } from "./library.ts";
import { Lockstep } from "./lockstep.ts";
import type { EngineFacts, EngineOpening, FromChild, ToChild } from "./messages.ts";
import { createRenderer } from "./renderer.ts";

type Send = (message: FromChild) => void;

/** Loads the model and gives what answers the parent's messages from then on. */
export async function openEngine(
  opening: EngineOpening,
  send: Send,
): Promise<{ readonly facts: EngineFacts; readonly receive: (message: ToChild) => void }> {
  const llama = await openLibrary(opening.gpu, opening.threads);
  const model = await loadWeights(llama, opening.modelFile);
  const renderer = createRenderer(model);
  let countDecode: Lockstep["countDecode"] = () => {};
  const context = await createContext(model, opening, (streams, tokens) => countDecode(streams, tokens));
  const contextLength = Math.min(opening.contextLength, context.contextSize);
  const lockstep = new Lockstep({
    model,
    context,
    renderer,
    contextLength,
    windowTokens: opening.windowTokens,
    emit: (events) =>
      send({
        kind: "step",
        events: events.map((told) => ("error" in told ? { id: told.id, failure: failureOf(told.error) } : told)),
      }),
  });
  countDecode = (streams, tokens) => lockstep.countDecode(streams, tokens);
  void lockstep.run();

  return {
    facts: {
      contextLength,
      sequences: context.totalSequences,
      vocabularySize: renderer.vocabularySize,
      gpu: llama.gpu === false ? "off" : llama.gpu,
    },
    receive(message) {
      if (message.kind === "generate") lockstep.submit(message.id, message.generation);
      else if (message.kind === "acknowledge") lockstep.acknowledge(message.id, message.tokens);
      else if (message.kind === "abort") lockstep.abort(message.id);
      else if (message.kind === "count") send({ kind: "counters", id: message.id, counters: lockstep.counters });
    },
  };
}

type CountDecode = (streams: number, tokens: number) => void;

async function createContext(model: LlamaModel, opening: EngineOpening, count: CountDecode) {
  try {
    return await model.createContext({
      sequences: opening.sequences,
      contextSize: opening.contextLength,
      threads: { ideal: opening.threads, min: opening.threads },
      batching: { itemPrioritizationStrategy: inOrderCounted(count) },
    });
  } catch (cause) {
    throw new PeerError(
      "config_invalid",
      `A context of ${opening.sequences} × ${opening.contextLength} tokens can't be made: ${reasonOf(cause)}`,
      { cause, hint: "Use fewer sequences or a shorter context." },
    );
  }
}

/** The lockstep asks for no more than fits one decode, so the order is its own; this is where decodes are counted. */
export function inOrderCounted(count: CountDecode): CustomBatchingPrioritizationStrategy {
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
