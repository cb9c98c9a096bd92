import { createHmac } from "node:crypto";
import { Channel } from "../channel.ts";
import type { FinishReason, Sampling } from "../chat/generation.ts";
import { messagesOf, type Prompt } from "../chat/message.ts";
import { type AccountId, newId, type SubtaskId } from "../ids.ts";
import type { Plan, Subtask } from "../planning/plan.ts";
import type { Exposure } from "../scheduling/exposure.ts";
import { requireRoom } from "./admission.ts";
import type { DispatchPorts, ServedModel, Tokenizers } from "./ports.ts";
import type { PromptMeter } from "./prompt-meter.ts";
import { type Leg, relay } from "./relay.ts";
import { TextCounter } from "./text-counter.ts";
import { TokenReader } from "./token-reader.ts";

/** Subtasks of one request at work at the same time; the rest wait for their turn. */
const concurrentSubtasksMax = 8;

/** One subtask under way: what it cost so far, and its answer as it comes. */
export interface SubtaskRun {
  readonly subtaskId: SubtaskId;
  readonly subtask: Subtask;
  readonly legs: Leg[];
  /** Exact, once its prompt is rendered; 0 before. */
  promptTokens: number;
  readonly pieces: AsyncIterable<SubtaskPiece>;
}

export type SubtaskPiece =
  | { readonly kind: "text"; readonly text: string; readonly tokens: number }
  /** `isStopped`: a stop string was met, so no other subtask's text follows. */
  | { readonly kind: "end"; readonly finishReason: FinishReason; readonly isStopped: boolean };

export interface DispatchContext {
  readonly accountId: AccountId;
  readonly model: ServedModel;
  /** `maxTokens` null: what the model's context leaves. `stop`: what hosts may be told. */
  readonly sampling: Omit<Sampling, "maxTokens"> & { readonly maxTokens: number | null };
  /** Keys the names of cached prefixes, so that no tenant meets another's. */
  readonly tenantKey: Uint8Array;
  readonly exposure: Exposure;
  readonly meter: PromptMeter;
  /** Shared by all answers of a request. */
  readonly limit: ConcurrencyLimit;
  readonly choice: number;
}

/** Tokens a host may send after a stop string before it is cut: it knows the stop strings too. */
const tokensAfterStopMax = 8;
/** Tokens that text may count for beyond the limit before it is cut: text is not always divided as it was made. */
const textTokensSlack = 16;

/**
 * Starts every subtask of a plan as soon as what it depends on is answered and its turn comes. Returns at once; the
 * first failure ends all of them, and so does the signal, which the caller aborts when the answer is over.
 */
export function dispatch(
  plan: Plan,
  context: DispatchContext,
  ports: DispatchPorts,
  signal: AbortSignal,
): readonly SubtaskRun[] {
  const failure = new AbortController();
  const limited = AbortSignal.any([signal, failure.signal]);
  const answers: Promise<string>[] = [];
  return plan.subtasks.map((subtask) => {
    const channel = new Channel<SubtaskPiece>(context.model.contextLength + 2);
    const run: SubtaskRun = { subtaskId: newId("subtask"), subtask, legs: [], promptTokens: 0, pieces: channel };
    const needed = subtask.dependsOn.map(
      (index) => answers[index] ?? Promise.reject(new RangeError("No such subtask")),
    );
    const answer = Promise.all(needed)
      .then((texts) => context.limit.take(() => answerSubtask(run, texts, channel, context, ports, limited), limited))
      .catch((error: unknown) => {
        channel.fail(error);
        failure.abort(error);
        throw error;
      });
    answer.catch(() => "told through the channel");
    answers.push(answer);
    return run;
  });
}

/** Runs one subtask to its end; the answer's whole text, for those that depend on it. */
async function answerSubtask(
  run: SubtaskRun,
  answers: readonly string[],
  channel: Channel<SubtaskPiece>,
  context: DispatchContext,
  ports: DispatchPorts,
  signal: AbortSignal,
): Promise<string> {
  const { model, accountId, tenantKey, exposure, meter } = context;
  const { tokenizers } = ports;
  // The consumer's stop strings speak of what the consumer sees.
  const stop = run.subtask.isShown ? context.sampling.stop : [];
  let answer = "";
  const push = (text: string, tokens: number) => {
    answer += text;
    channel.push({ kind: "text", text, tokens });
  };
  const reader = new TokenReader(tokenizers.verbalise(model.file, stop), push);
  try {
    const prompt = run.subtask.compose(answers);
    const [{ tokens: promptTokens, shownTokens }, vocabularySize] = await Promise.all([
      meter.measure(prompt),
      tokenizers.vocabularySize(model.file),
    ]);
    requireRoom(prompt, promptTokens.length, model);
    run.promptTokens = promptTokens.length;
    const tokensLeft = model.contextLength - promptTokens.length;
    const maxTokens = Math.min(context.sampling.maxTokens ?? tokensLeft, tokensLeft);
    const sampling = { ...context.sampling, maxTokens, stop };
    const cacheKey = cacheKeyOf(prompt, tenantKey);
    const { subtaskId, legs } = run;
    const asked = { digest: model.digest, prompt, promptTokens, vocabularySize, sampling, cacheKey };
    const relayed = { subtaskId, accountId, ...asked, exposure };
    const counter = new TextCounter((text) => countContinued(text, model.file, tokenizers), maxTokens);
    let textLeg: Leg | null = null;
    const pushText = (text: string, tokens: number) => {
      if (textLeg !== null) textLeg.deliveredTokens += tokens;
      push(text, tokens);
    };
    let finishReason: FinishReason = "stop";
    let tokensAfterStop = 0;
    const shown = { name: partName(context.choice, run.subtask), tokens: shownTokens };
    for await (const event of relay({ ...relayed, shown, legs }, ports.hosts, ports.clock, signal)) {
      if (event.kind === "end") {
        finishReason = event.finishReason;
      } else if (reader.isStopped) {
        tokensAfterStop += event.tokens.length;
        if (tokensAfterStop > tokensAfterStopMax) break;
      } else if (event.tokens.length > 0) {
        reader.add(event.tokens);
      } else {
        textLeg = event.leg;
        pushText(event.text, await counter.push(event.text));
        if (counter.excess > textTokensSlack) {
          finishReason = "length";
          break;
        }
      }
    }
    await reader.end();
    const textTokens = await counter.flush();
    if (textTokens > 0) pushText("", textTokens);
    const { isStopped } = reader;
    channel.push({ kind: "end", finishReason: isStopped ? "stop" : finishReason, isStopped });
    channel.close();
    return answer;
  } finally {
    reader.close();
  }
}

/** Tokens of a text that follows others, without what opens a prompt. */
async function countContinued(text: string, file: string, tokenizers: Tokenizers): Promise<number> {
  return (await countText(text, file, tokenizers)) - (await countText("", file, tokenizers));
}

async function countText(text: string, file: string, tokenizers: Tokenizers): Promise<number> {
  return (await tokenizers.render(file, { kind: "text", text })).length;
}

/** The same for every turn of one conversation, and for no other tenant's. */
function cacheKeyOf(prompt: Prompt, tenantKey: Uint8Array): string {
  const opening = messagesOf(prompt).slice(0, 2);
  return createHmac("sha256", tenantKey).update(JSON.stringify(opening)).digest("hex").slice(0, 32);
}

/** What a subtask's part of the prompt is called among a request's. */
export function partName(choice: number, { index }: Subtask): string {
  return `${choice}.${index}`;
}

/** Lets a written number of a request's subtasks work at once, first come first served. */
export class ConcurrencyLimit {
  #free = concurrentSubtasksMax;
  readonly #waiting: (() => void)[] = [];

  async take<Result>(act: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free -= 1;
    try {
      signal.throwIfAborted();
      return await act();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
