import { Channel } from "../../src/channel.ts";
import type { Usage } from "../../src/chat/generation.ts";
import type { Log } from "../../src/log.ts";
import type { Tokenizers } from "../../src/pipeline/ports.ts";
import type { HostedModel } from "./served-models.ts";
import type { RunFrame, SubtaskObserver } from "./subtask-runner.ts";

/** What the host's own operator sees of a subtask while it runs; kept nowhere. */
export interface SeenSubtask {
  readonly kind: "begin" | "end";
  readonly subtaskId: string;
  readonly model: string;
  readonly prompt?: string;
  readonly promptTokens?: number;
  readonly completionTokens?: number;
}

const itemsMax = 1_024;

/** Shows subtasks to whoever watches, and to nobody else; counts them for `host status`. */
export class SubtaskFeed implements SubtaskObserver {
  readonly served = { subtasks: 0, promptTokens: 0, completionTokens: 0 };
  readonly #watchers = new Set<Channel<SeenSubtask>>();
  readonly #tokenizers: Tokenizers;
  readonly #log: Log;
  readonly #describe: (digest: string) => HostedModel | undefined;

  /** `describe` tells a served model by its digest. */
  constructor(tokenizers: Tokenizers, log: Log, describe: (digest: string) => HostedModel | undefined) {
    this.#tokenizers = tokenizers;
    this.#log = log;
    this.#describe = describe;
  }

  began(run: RunFrame): void {
    if (this.#watchers.size === 0) return;
    this.#textOf(run)
      .then((prompt) => this.#show({ kind: "begin", subtaskId: run.subtask, model: this.#modelOf(run), prompt }))
      .catch((error: unknown) => this.#log.warn("subtask-not-shown", { error }));
  }

  /** Counts an answer to whomever. */
  count({ promptTokens, completionTokens }: Usage): void {
    this.served.subtasks += 1;
    this.served.promptTokens += promptTokens;
    this.served.completionTokens += completionTokens;
  }

  ended(run: RunFrame, counts: Usage): void {
    this.count(counts);
    this.#show({ kind: "end", subtaskId: run.subtask, model: this.#modelOf(run), ...counts });
  }

  async *watch(signal: AbortSignal): AsyncGenerator<SeenSubtask, void, undefined> {
    const channel = new Channel<SeenSubtask>(itemsMax);
    const onAbort = () => channel.close();
    signal.addEventListener("abort", onAbort, { once: true });
    this.#watchers.add(channel);
    try {
      yield* channel;
    } finally {
      this.#watchers.delete(channel);
      signal.removeEventListener("abort", onAbort);
    }
  }

  #show(seen: SeenSubtask): void {
    for (const watcher of this.#watchers) {
      if (watcher.length < itemsMax) watcher.push(seen);
    }
  }

  #modelOf(run: RunFrame): string {
    return this.#describe(run.digest)?.reference ?? run.digest;
  }

  async #textOf({ prompt, digest }: RunFrame): Promise<string> {
    if (prompt.kind === "text") return prompt.text;
    if (prompt.kind === "chat") return prompt.messages.map(({ content }) => content).join("\n");
    const weights = this.#describe(digest)?.weights;
    if (weights?.kind !== "file") return "";
    const verbaliser = await this.#tokenizers.verbalise(weights.file, []);
    try {
      const { texts } = await verbaliser.push(prompt.tokens);
      return texts.join("") + (await verbaliser.flush());
    } finally {
      verbaliser.close();
    }
  }
}
