import { systemClock } from "../../src/clock.ts";
import { type CountDecode, createContext } from "./context.ts";
import { failureOf } from "./failure.ts";
import { loadWeights, openLibrary } from "./library.ts";
import { Lockstep } from "./lockstep.ts";
import type { EngineFacts, EngineOpening, FromChild, ToChild } from "./messages.ts";
import { createRenderer } from "./renderer.ts";
import { createTokenBytes } from "./token-bytes.ts";

type Send = (message: FromChild) => void;

/** Loads the model and gives what answers the parent's messages from then on. */
export async function openEngine(
  opening: EngineOpening,
  send: Send,
): Promise<{ readonly facts: EngineFacts; readonly receive: (message: ToChild) => void }> {
  const llama = await openLibrary(opening.gpu, opening.threads);
  const model = await loadWeights(llama, opening.modelFile, opening);
  const renderer = createRenderer(model);
  let countDecode: CountDecode = () => {};
  const { sequences, threads } = opening;
  const contextLength = Math.min(opening.contextLength, model.trainContextSize);
  const context = await createContext(model, { sequences, contextLength, threads }, (streams, tokens) =>
    countDecode(streams, tokens),
  );
  const lockstep = new Lockstep({
    model,
    context,
    renderer,
    bytesOf: createTokenBytes(model),
    contextLength,
    windowTokens: opening.windowTokens,
    clock: systemClock,
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
