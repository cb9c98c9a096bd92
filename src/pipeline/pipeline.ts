import type { AnswerEvent, AnswerRequest, AnswerSummary } from "../chat/answer.ts";
import { interleave } from "../chat/interleave.ts";
import { messagesOf } from "../chat/message.ts";
import { PeerError } from "../errors.ts";
import { newId } from "../ids.ts";
import type { MaskedPrompt } from "../privacy/masked-prompt.ts";
import { Exposure, type ShownPart } from "../scheduling/exposure.ts";
import { checkSafety } from "./1-safety.ts";
import { anonymisePrompts, tenantKeyOf } from "./2-anonymise.ts";
import { type PlannedChoice, planChoices } from "./3-plan.ts";
import { ConcurrencyLimit, dispatch, partName, type SubtaskRun } from "./4-dispatch.ts";
import { merge } from "./5-merge.ts";
import { rehydrate } from "./6-rehydrate.ts";
import { review } from "./7-review.ts";
import { type Bill, type Billable, bill, meterReleased } from "./8-bill.ts";
import { type Admission, admit } from "./admission.ts";
import type { Piece } from "./piece.ts";
import type { Caller, Ports } from "./ports.ts";
import type { PromptMeter } from "./prompt-meter.ts";
import { reserveShares, strictShareMax } from "./prompt-share.ts";

/**
 * The product: answers `request` for `caller`, delta by delta. Throws before the first event where it is refused or
 * can't be served, and later where the answer can't go on; either way the hold is settled or released.
 */
export async function* answer(
  request: AnswerRequest,
  caller: Caller,
  ports: Ports,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent, void, undefined> {
  const admission = await admit(request, caller, ports);
  const over = new AbortController();
  const limited = AbortSignal.any([signal, over.signal]);
  let billable: Billable | null = null;
  let isBilled = false;
  let isFailed = false;
  try {
    await checkSafety(request.prompts, ports, limited);
    const { prompts, masked } = anonymisePrompts(request, caller.accountId, ports);
    const choices = planChoices(request, prompts, admission);
    const started = await start(request, caller, admission, prompts, choices, ports, limited);
    billable = { ...started.billable, masked };

    let hasBegun = false;
    const choiceEnds: AnswerEvent[] = [];
    const sources = started.answers.map((pieces) => (stopped: AbortSignal) => endedWith(stopped, over, pieces));
    for await (const piece of interleave(sources, sources.length, limited)) {
      if (!hasBegun) yield { kind: "begin", receipt: billable.receiptId, model: admission.model.reference };
      hasBegun = true;
      if (piece.kind === "end") {
        choiceEnds.push({ kind: "choice-end", choice: piece.choice, finishReason: piece.finishReason });
      } else {
        meterReleased(billable, piece.metered);
        if (piece.text !== "") yield { kind: "delta", choice: piece.choice, text: piece.text };
      }
    }

    over.abort(new PeerError("cancelled", "The answer is out."));
    isBilled = true;
    const billed = await bill(billable, caller, ports);
    yield* choiceEnds;
    yield { kind: "end", usage: billed?.usage ?? { promptTokens: 0, completionTokens: 0 }, summary: summaryOf(billed) };
  } catch (error) {
    isFailed = !signal.aborted;
    throw error;
  } finally {
    over.abort(new PeerError("cancelled", "The answer is over."));
    // Of an answer that was to come whole and failed, nobody got a word; one who left could have waited for it.
    const owed = request.isWhole && isFailed ? null : billable;
    if (!isBilled) await (owed === null ? ports.books.release(admission.holdId) : bill(owed, caller, ports));
  }
}

/** One choice's pieces; when the others fail or the reader leaves, its hosts stop too. One handler for all choices. */
function endedWith<Item>(
  stopped: AbortSignal,
  over: AbortController,
  pieces: AsyncIterable<Item>,
): AsyncIterable<Item> {
  stopped.onabort = () => over.abort(stopped.reason);
  return pieces;
}

/** Sets every choice's subtasks to work and lays the last stages behind each. */
async function start(
  request: AnswerRequest,
  caller: Caller,
  admission: Admission,
  prompts: readonly MaskedPrompt[],
  choices: readonly PlannedChoice[],
  ports: Ports,
  signal: AbortSignal,
): Promise<{ billable: Omit<Billable, "masked">; answers: AsyncIterable<Piece>[] }> {
  const { model, meter } = admission;
  const isStrict = request.privacy === "strict";
  const sizes = await Promise.all(prompts.map(({ prompt }) => meter.measure(prompt)));
  const singlePromptTokens = sizes.reduce((sum, { tokens }) => sum + tokens.length, 0) * request.choices;
  const shown = sizes.reduce((sum, { shownTokens }) => sum + shownTokens, 0);
  const exposure = new Exposure(shown, isStrict ? strictShareMax : Number.POSITIVE_INFINITY);
  if (isStrict) reserveShares(exposure, await independentParts(choices, meter), ports.hosts, model.digest);
  const tenantKey = tenantKeyOf(caller.accountId, ports.maskingKey);
  const limit = new ConcurrencyLimit();
  const runs: SubtaskRun[] = [];
  const answers = choices.map(({ choice, masked, plan, answerTokensMax }) => {
    const sampling = {
      ...request.sampling,
      seed: (request.sampling.seed + (choice % request.choices)) % 2 ** 32,
      stop: masked.stop.filter((each) => each !== null),
    };
    const shared = { accountId: caller.accountId, model, tenantKey, exposure, meter, limit, choice };
    const over = new AbortController();
    const dispatched = dispatch(plan, { ...shared, sampling }, ports, AbortSignal.any([signal, over.signal]));
    const merged = merge(dispatched, { choice, firstRun: runs.length, tokensMax: answerTokensMax });
    runs.push(...dispatched);
    const restored = rehydrate(merged, masked.vault, request.sampling.stop);
    return untilOver(review(restored, { messages: messagesOf(masked.prompt), isStrict }, ports, signal), over);
  });
  const plans = choices.map(({ plan }) => plan);
  const receiptId = newId("receipt");
  const releasedTokens = new Map<number, number>();
  const billable = { admission, receiptId, request, plans, runs, exposure, singlePromptTokens, releasedTokens };
  return { billable, answers };
}

/** What hosts will see of the subtasks that wait for no other's answer. */
async function independentParts(choices: readonly PlannedChoice[], meter: PromptMeter): Promise<ShownPart[]> {
  const parts = choices.flatMap(({ choice, plan }) =>
    plan.subtasks
      .filter(({ dependsOn }) => dependsOn.length === 0)
      .map(async (subtask) => {
        const { shownTokens } = await meter.measure(subtask.compose([]));
        return { name: partName(choice, subtask), tokens: shownTokens };
      }),
  );
  return Promise.all(parts);
}

/** Frees a choice's hosts as soon as its answer is over, while others go on: it may end before its hosts do. */
async function* untilOver<Item>(pieces: AsyncIterable<Item>, over: AbortController): AsyncGenerator<Item> {
  try {
    yield* pieces;
  } finally {
    over.abort(new PeerError("cancelled", "The answer is over."));
  }
}

function summaryOf(billed: Bill | null): AnswerSummary | null {
  if (billed === null) return null;
  const { receipt } = billed.receipt;
  const legs = receipt.subtasks.flatMap((subtask) => subtask.legs);
  return {
    receipt: receipt.receiptId,
    plan: receipt.plan.strategy,
    hosts: new Set(legs.map(({ hostId }) => hostId)).size,
    owners: new Set(legs.map(({ owner }) => owner)).size,
    largestShare: receipt.largestPromptShare,
    largestAnswerShare: receipt.largestAnswerShare,
    failovers: receipt.failovers,
    masked: receipt.masked,
    costUsd: receipt.costUsd,
  };
}
