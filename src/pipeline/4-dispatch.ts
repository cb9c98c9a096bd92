import { Channel } from "../channel.ts";
import type { FinishReason, Sampling } from "../chat/generation.ts";
import { PeerError } from "../errors.ts";
import { type AccountId, newId, type SubtaskId } from "../ids.ts";
import type { Plan, Subtask } from "../planning/plan.ts";
import type { Exposure } from "../scheduling/exposure.ts";
import type { DispatchPorts, ServedModel } from "./ports.ts";
import { type Leg, relay } from "./relay.ts";

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
  | { readonly kind: "end"; readonly finishReason: FinishReason };

export interface DispatchedWork {
  readonly accountId: AccountId;
  readonly model: ServedModel;
  /** `maxTokens` null: what the model's context leaves. */
  readonly sampling: Omit<Sampling, "maxTokens"> & { readonly maxTokens: number | null };
  readonly cacheKey: string;
  readonly exposure: Exposure;
}

/**
 * Starts every subtask of a plan as soon as what it depends on is answered, eight at a time. Returns at once; the
 * first failure ends all of them, and so does the signal, which the caller aborts when the answer is over.
 */
export function dispatch(
  plan: Plan,
  work: DispatchedWork,
  ports: DispatchPorts,
  signal: AbortSignal,
): readonly SubtaskRun[] {
  const failure = new AbortController();
  const limited = AbortSignal.any([signal, failure.signal]);
  const turns = new Turns(concurrentSubtasksMax);
  const answers: Promise<string>[] = [];
  return plan.subtasks.map((subtask) => {
    const channel = new Channel<SubtaskPiece>(work.model.contextLength + 2);
    const run: SubtaskRun = { subtaskId: newId("subtask"), subtask, legs: [], promptTokens: 0, pieces: channel };
    const needed = subtask.dependsOn.map(
      (index) => answers[index] ?? Promise.reject(new RangeError("No such subtask")),
    );
    const answer = Promise.all(needed)
      .then((texts) => turns.take(() => answerSubtask(run, texts, channel, work, ports, limited), limited))
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
  work: DispatchedWork,
  ports: DispatchPorts,
  signal: AbortSignal,
): Promise<string> {
  const prompt = run.subtask.compose(answers);
  const promptTokens = await ports.tokenizers.render(work.model.file, prompt);
  run.promptTokens = promptTokens.length;
  const sampling = { ...work.sampling, maxTokens: tokensLeft(work, promptTokens.length) };
  const { subtaskId, legs } = run;
  const { accountId, cacheKey, exposure } = work;
  const relayed = {
    subtaskId,
    accountId,
    digest: work.model.digest,
    prompt,
    promptTokens,
    sampling,
    cacheKey,
    exposure,
  };
  const verbaliser = await ports.tokenizers.verbalise(work.model.file, sampling.stop);
  let answer = "";
  const push = (text: string, tokens: number) => {
    answer += text;
    channel.push({ kind: "text", text, tokens });
  };
  try {
    let finishReason: FinishReason = "stop";
    for await (const event of relay({ ...relayed, legs }, ports.hosts, ports.clock, signal)) {
      if (event.kind === "end") {
        finishReason = event.finishReason;
        push(await verbaliser.flush(), 0);
      } else if (event.tokens.length === 0) {
        push(event.text, 0);
      } else {
        const { text, isStopped } = await verbaliser.push(event.tokens);
        push(text, event.tokens.length);
        if (isStopped) break;
      }
    }
    channel.push({ kind: "end", finishReason });
    channel.close();
    return answer;
  } finally {
    verbaliser.close();
  }
}

/** Throws `context_length_exceeded` where the prompt leaves no room for an answer. */
function tokensLeft(work: DispatchedWork, promptTokens: number): number {
  const { contextLength, reference } = work.model;
  const left = contextLength - promptTokens;
  if (left < 1) {
    throw new PeerError(
      "context_length_exceeded",
      `The prompt is ${promptTokens} tokens long; the context of ${reference} is ${contextLength}. Shorten the prompt.`,
      { parameter: "messages" },
    );
  }
  return Math.min(work.sampling.maxTokens ?? left, left);
}

/** Lets a written number of subtasks work at once, first come first served. */
class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async take<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free -= 1;
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
