import type { GuardVerdict } from "./guard.ts";
import type { Category, Policy } from "./policy.ts";
import { actionWithoutGuard, flaggedCategories, type Triage, triage } from "./triage.ts";

export interface ReviewOptions {
  readonly policy: Policy;
  /** Judges the answer so far, from `rereadLengthMax` before what it has not seen. Called one at a time, about every `guardStepLength` characters. */
  readonly guard?: (answer: string, signal: AbortSignal) => Promise<GuardVerdict>;
  /** Holds every piece back until the guard has passed it. Without a guard it makes what escalates blocked. */
  readonly strict?: boolean;
  readonly signal: AbortSignal;
}

/** What may be shown now. Once `blocked` is set nothing more is ever released: the answer ends as `content_filter`. */
export interface Released {
  readonly text: string;
  readonly blocked: readonly Category[] | undefined;
}

/**
 * Looks at an answer while it streams. A sentence is released once it passed together with the one before it; what was
 * shown can't be recalled. The released pieces add up to the answer, however it was cut, unless it was blocked.
 */
export interface Review {
  push(text: string): Promise<Released>;
  /** The answer is complete: releases the rest, after the guard's last word where there is a guard. */
  flush(): Promise<Released>;
}

/** Text without a sentence end (code, tables) is released at a line's end, or at this many characters. */
const pieceLengthMax = 240;
/** About 200 tokens. */
const guardStepLength = 800;
const rereadLengthMax = 8_000;
const nothing: Released = { text: "", blocked: undefined };

export function createReview(options: ReviewOptions): Review {
  const { policy, guard, signal, strict = false } = options;
  let pending = "";
  let answer = "";
  let previous = "";
  let held = "";
  let blocked: readonly Category[] | undefined;
  let guardedLength = 0;
  let isEscalated = false;
  let running: Promise<void> | undefined;
  let failure: { readonly cause: unknown } | undefined;

  /** Passes the complete sentences of `pending`, all of it when `isLast`. */
  function passSentences(isLast: boolean): string {
    let passed = "";
    while (blocked === undefined) {
      const end = isLast ? Math.min(pending.length, pieceLengthMax) : pieceEnd(pending);
      if (end === 0) break;
      const piece = pending.slice(0, end);
      pending = pending.slice(end);
      const verdict = judgePiece(previous, piece, policy);
      isEscalated ||= verdict.action === "escalate";
      if (isRefused(verdict)) {
        blocked = flaggedCategories(verdict);
        break;
      }
      previous = piece;
      answer += piece;
      passed += piece;
    }
    return passed;
  }

  function isRefused(verdict: Triage): boolean {
    if (verdict.action === "escalate" && guard === undefined && strict) return true;
    if (verdict.action === "escalate" && guard !== undefined) return false;
    return actionWithoutGuard(verdict.action, policy) === "block";
  }

  /** Starts the guard when it is due; only one runs at a time, so it may see more than a step at once. */
  function startGuard(isDue: boolean): void {
    if (guard === undefined || running !== undefined || !isDue || answer.length === guardedLength) return;
    const length = answer.length;
    isEscalated = false;
    running = guard(answer.slice(Math.max(0, guardedLength - rereadLengthMax)), signal)
      .then((verdict) => {
        guardedLength = length;
        if (!verdict.safe) blocked ??= verdict.categories;
      })
      .catch((cause: unknown) => {
        failure = { cause };
      })
      .finally(() => {
        running = undefined;
      });
  }

  async function finishGuard(): Promise<void> {
    while (guard !== undefined && blocked === undefined && failure === undefined && guardedLength < answer.length) {
      startGuard(true);
      await running;
    }
  }

  /** In strict mode text waits in `held` for the guard; otherwise it goes out at once. */
  function release(passed: string): Released {
    if (failure !== undefined) throw failure.cause;
    if (guard === undefined || !strict) return { text: passed, blocked };
    if (blocked !== undefined) return { text: "", blocked };
    held += passed;
    const free = held.length - (answer.length - guardedLength);
    const text = held.slice(0, Math.max(0, free));
    held = held.slice(text.length);
    return { text, blocked };
  }

  return {
    async push(text) {
      signal.throwIfAborted();
      if (blocked !== undefined) return { text: "", blocked };
      pending += text;
      const passed = passSentences(false);
      const isDue = strict || isEscalated || answer.length - guardedLength >= guardStepLength;
      startGuard(isDue);
      if (passed === "" && held === "") return blocked === undefined && failure === undefined ? nothing : release("");
      return release(passed);
    },
    async flush() {
      signal.throwIfAborted();
      if (blocked !== undefined) return { text: "", blocked };
      const passed = passSentences(true);
      await finishGuard();
      const released = release(strict && guard !== undefined ? passed : blocked === undefined ? passed : "");
      return released;
    },
  };
}

/** Judges a piece together with the one before it, so that nothing hides at the seam. */
function judgePiece(previous: string, piece: string, policy: Policy): Triage {
  return triage(previous + piece, policy);
}

/** Where the first complete piece of `text` ends: after a sentence or line, or at the longest length; 0 for none yet. */
function pieceEnd(text: string): number {
  const head = text.slice(0, pieceLengthMax + 1);
  const match = /[.!?…。！？]["'”’)\]*]*\s+|\n+/.exec(head);
  const end = match === null ? 0 : match.index + match[0].length;
  if (end > 0 && end < head.length) return end;
  if (text.length <= pieceLengthMax) return 0;
  const space = text.lastIndexOf(" ", pieceLengthMax);
  return splitPoint(text, space > pieceLengthMax / 2 ? space + 1 : pieceLengthMax);
}

/** Not between the halves of a surrogate pair. */
function splitPoint(text: string, at: number): number {
  const code = text.charCodeAt(at - 1);
  return code >= 0xd800 && code <= 0xdbff ? at - 1 : at;
}
