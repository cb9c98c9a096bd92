import { isPeerError } from "../../src/errors.ts";
import type { HoldId } from "../../src/ids.ts";
import type { HoldRequest } from "../../src/ledger/books.ts";
import type { Settlement, SettlementResult } from "../../src/ledger/settlement.ts";
import type { Log } from "../../src/log.ts";
import type { Ports } from "../../src/pipeline/ports.ts";

/**
 * The books as requests use them: what they could not write of a hold, its request is told at once, and it is written
 * later. Else what a full disk kept from being written would stay with neither consumer nor host until the next start.
 */
export class RetriedBooks {
  readonly #books: Ports["books"];
  readonly #log: Log;
  readonly #unwritten = new Map<HoldId, () => Promise<unknown>>();

  constructor(books: Ports["books"], log: Log) {
    this.#books = books;
    this.#log = log;
  }

  check(request: Pick<HoldRequest, "accountId" | "apiKeyId" | "budget" | "amount">): Promise<void> {
    return this.#books.check(request);
  }

  hold(request: HoldRequest): Promise<HoldId> {
    return this.#books.hold(request);
  }

  settle(holdId: HoldId, settlement: Settlement): Promise<SettlementResult> {
    return this.#write(holdId, () => this.#books.settle(holdId, settlement));
  }

  release(holdId: HoldId): Promise<void> {
    return this.#write(holdId, () => this.#books.release(holdId));
  }

  /** Writes what could not be written before, until the first that still can't be. */
  async writeAgain(): Promise<void> {
    for (const [holdId, write] of this.#unwritten) {
      try {
        await write();
        this.#log.info("hold-written", { holdId });
      } catch (error) {
        if (mayPass(error)) return;
        this.#log.error("hold-never-written", { holdId, error });
      }
      this.#unwritten.delete(holdId);
    }
  }

  async #write<Result>(holdId: HoldId, write: () => Promise<Result>): Promise<Result> {
    try {
      return await write();
    } catch (error) {
      if (mayPass(error)) {
        this.#unwritten.set(holdId, write);
        this.#log.error("hold-not-written", { holdId, error });
      }
      throw error;
    }
  }
}

function mayPass(error: unknown): boolean {
  return isPeerError(error, "storage_failed") || isPeerError(error, "queue_full");
}
