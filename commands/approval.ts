import { systemClock } from "../src/clock.ts";
import { isPeerError, PeerError } from "../src/errors.ts";
import { oneLine } from "../src/plain-text.ts";
import { timeLimit } from "../src/time-limit.ts";
import type { Session } from "./session.ts";

const lookMs = 1_500;
const waitMsMax = 30 * 60_000;

export interface Approval<State> {
  /** Where the payer agrees; null where PayPal gave none. */
  readonly url: string | null;
  readonly read: () => Promise<State>;
  readonly isDone: (state: State) => boolean;
}

/**
 * Shows the approval link, opens it where there is a terminal, and waits until the network knows how it ended; while
 * PayPal does not answer, it has not ended.
 */
export async function waitForApproval<State>(session: Session, approval: Approval<State>): Promise<State> {
  const { url, read, isDone } = approval;
  if (url !== null) {
    process.stderr.write(`Approve it at PayPal: ${oneLine(url)}\n`);
    // It is the network's word: what a desktop would open that is no page is not opened.
    if (session.mayAsk && /^https?:/.test(url)) await openBrowser(url);
  }
  const progress = session.printer.progress();
  const signal = AbortSignal.any([session.signal, timeLimit(waitMsMax)]);
  try {
    progress.update({ step: "Waiting for your approval at PayPal" });
    for (;;) {
      const state = await read().catch(unlessUnanswered);
      if (state !== null && isDone(state)) return state;
      await systemClock.sleep(lookMs, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    const code = session.signal.aborted ? "cancelled" : "deadline_exceeded";
    throw new PeerError(code, "Nobody waits for the approval any more; when it comes, it counts all the same.");
  } finally {
    progress.end();
  }
}

function unlessUnanswered(error: unknown): null {
  if (isPeerError(error, "upstream_failed")) return null;
  throw error;
}

/** A link that does not open by itself was printed, and can be clicked. */
async function openBrowser(url: string): Promise<void> {
  const command = process.platform === "darwin" ? "open" : process.platform === "win32" ? "explorer" : "xdg-open";
  // Loaded here: most commands start nothing, and people wait for every one of them.
  const { execa } = await import("execa");
  await execa(command, [url], { reject: false, timeout: 5_000, stdio: "ignore" });
}
