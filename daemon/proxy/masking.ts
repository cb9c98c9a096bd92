import type { AnswerEvent, AnswerRequest } from "../../src/chat/answer.ts";
import { createStopScanner, type StopScanner } from "../../src/chat/stop.ts";
import { PeerError } from "../../src/errors.ts";
import type { AnonymiseOptions } from "../../src/privacy/anonymise.ts";
import { maskPrompt } from "../../src/privacy/masked-prompt.ts";
import { createRehydrator, type Rehydrator } from "../../src/privacy/rehydrate.ts";
import type { Vault } from "../../src/privacy/vault.ts";

export type MaskingOptions = Omit<AnonymiseOptions, "level">;

/** A request fit to leave this machine, and what makes its answer whole again when it comes back. */
export interface MaskedRequest {
  readonly request: AnswerRequest;
  /** The answer with identifiers put back, ending before the request's own stop strings. */
  unmask(events: AsyncIterable<AnswerEvent>): AsyncIterable<AnswerEvent>;
}

/**
 * Masks prompts and stop strings on this machine. Throws `parameter_unsupported` for token ids, which can't be read
 * here, and `recogniser_failed`: what could not be checked is not sent.
 *
 * The caller's stop strings speak of the text as the caller will see it, so they are applied here, after identifiers
 * are back. They go along too, masked, to stop the host early; those that could cut a placeholder in two stay here, as
 * do those that differ from prompt to prompt. Then the network's answer is read to its own end, because its usage and
 * receipt come last.
 */
export function maskRequest(request: AnswerRequest, options: MaskingOptions): MaskedRequest {
  const { stop } = request.sampling;
  const masked = request.prompts.map((prompt) => maskPrompt(prompt, stop, { ...options, level: request.privacy }));
  const vaults = masked.map(({ vault }) => vault);
  const counts = sumCounts(masked.map((each) => each.counts));
  const sentStop = stop.flatMap((_, index) => {
    const [sent = null, ...others] = new Set(masked.map((each) => each.stop[index] ?? null));
    return sent === null || others.length > 0 ? [] : [sent];
  });
  return {
    request: {
      ...request,
      prompts: masked.map(({ prompt }) => prompt),
      sampling: { ...request.sampling, stop: sentStop },
      isMasked: true,
    },
    unmask: (events) => unmask(events, request, vaults, counts),
  };
}

async function* unmask(
  events: AsyncIterable<AnswerEvent>,
  request: AnswerRequest,
  vaults: readonly Vault[],
  counts: Readonly<Record<string, number>>,
): AsyncGenerator<AnswerEvent> {
  const choices = new Map<number, ChoiceUnmasker>();
  const unmaskerOf = (choice: number): ChoiceUnmasker => {
    const vault = vaults[Math.floor(choice / request.choices)];
    if (vault === undefined) throw new PeerError("upstream_failed", "The answer has more choices than were asked for.");
    const unmasker = choices.get(choice) ?? {
      rehydrator: createRehydrator(vault),
      scanner: createStopScanner(vault.entries.size === 0 ? [] : request.sampling.stop),
      isOver: false,
    };
    choices.set(choice, unmasker);
    return unmasker;
  };
  for await (const event of events) {
    if (event.kind === "begin") yield event;
    else if (event.kind === "delta") yield* continueChoice(unmaskerOf(event.choice), event.choice, event.text);
    else if (event.kind === "choice-end") yield* endChoice(unmaskerOf(event.choice), event);
    else {
      const { summary } = event;
      yield {
        ...event,
        summary: summary === null ? null : { ...summary, masked: sumCounts([summary.masked, counts]) },
      };
    }
  }
}

interface ChoiceUnmasker {
  readonly rehydrator: Rehydrator;
  readonly scanner: StopScanner;
  isOver: boolean;
}

function* continueChoice(unmasker: ChoiceUnmasker, choice: number, text: string): Generator<AnswerEvent> {
  if (unmasker.isOver) return;
  const scanned = unmasker.scanner.push(unmasker.rehydrator.push(text));
  if (scanned.text !== "") yield { kind: "delta", choice, text: scanned.text };
  if (!scanned.isStopped) return;
  unmasker.isOver = true;
  yield { kind: "choice-end", choice, finishReason: "stop" };
}

function* endChoice(
  unmasker: ChoiceUnmasker,
  event: Extract<AnswerEvent, { kind: "choice-end" }>,
): Generator<AnswerEvent> {
  yield* continueChoice(unmasker, event.choice, unmasker.rehydrator.flush());
  if (unmasker.isOver) return;
  unmasker.isOver = true;
  const rest = unmasker.scanner.flush();
  if (rest !== "") yield { kind: "delta", choice: event.choice, text: rest };
  yield event;
}

function sumCounts(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const counts of all) {
    for (const [type, count] of Object.entries(counts)) sum[type] = (sum[type] ?? 0) + count;
  }
  return sum;
}
