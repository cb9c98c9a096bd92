import type { Engine } from "../../src/chat/generation.ts";
import type { Clock } from "../../src/clock.ts";
import { isPeerError, PeerError } from "../../src/errors.ts";
import type { KeyPair } from "../../src/identity/key.ts";
import type { Log } from "../../src/log.ts";
import type { HostFrame, NetworkFrame } from "../../src/protocol/frame.ts";
import { AnswerDigest, signStatement } from "../../src/verification/statement.ts";

export type RunFrame = Extract<NetworkFrame, { type: "run" }>;

/** What a host's own operator may watch of a subtask, while it runs. */
export interface SubtaskObserver {
  began(run: RunFrame): void;
  ended(run: RunFrame, counts: { readonly promptTokens: number; readonly completionTokens: number }): void;
}

export interface SubtaskRunnerOptions {
  readonly key: KeyPair;
  readonly clock: Clock;
  readonly observer: SubtaskObserver;
  readonly log: Log;
  send(frame: HostFrame): void;
}

/** Runs one subtask on `engine` and sends its frames. A cancelled one sends nothing more. Never throws. */
export async function runSubtask(
  run: RunFrame,
  engine: Engine,
  options: SubtaskRunnerOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, send, observer, key } = options;
  const { subtask, epoch, digest } = run;
  const startedAt = clock.monotonic();
  const answerDigest = new AnswerDigest();
  let position = run.resumedTokens.length;
  let completionTokens = 0;
  let firstTokenMs: number | null = null;
  const statementOf = (promptTokens: number) =>
    signStatement(key, {
      subtask,
      epoch,
      digest,
      promptTokens,
      completionTokens,
      answerDigest: answerDigest.value(),
      firstTokenMs: firstTokenMs ?? 0,
      elapsedMs: Math.round(clock.monotonic() - startedAt),
    });
  let promptTokens = run.prompt.kind === "tokens" ? run.prompt.tokens.length : 0;
  observer.began(run);
  try {
    const { prompt, resumedTokens, sampling, cacheKey } = run;
    for await (const event of engine.generate({ prompt, resumedTokens, sampling, cacheKey }, signal)) {
      if (event.kind === "end") {
        promptTokens = event.usage.promptTokens;
        if (!engine.reportsTokens) completionTokens = event.usage.completionTokens;
        const { finishReason, cachedTokens } = event;
        send({ type: "end", subtask, epoch, finishReason, cachedTokens, statement: statementOf(promptTokens) });
        return;
      }
      firstTokenMs ??= Math.round(clock.monotonic() - startedAt);
      // Where there are ids the orchestrator makes the text of them itself.
      const text = engine.reportsTokens ? "" : event.text;
      if (event.tokens.length === 0 && text === "") continue;
      answerDigest.add(event.tokens, text);
      send({ type: "delta", subtask, epoch, position, tokens: [...event.tokens], text });
      position += event.tokens.length;
      completionTokens += event.tokens.length;
    }
  } catch (error) {
    if (signal.aborted) return;
    const failure = isPeerError(error) ? error : new PeerError("unexpected", "The engine failed.", { cause: error });
    options.log.warn("subtask-failed", { subtaskId: subtask, digest, error: failure });
    send({ type: "failed", subtask, epoch, code: failure.code, statement: statementOf(promptTokens) });
  } finally {
    observer.ended(run, { promptTokens, completionTokens });
  }
}
