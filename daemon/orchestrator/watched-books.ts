import type { SettlementResult } from "../../src/ledger/settlement.ts";
import type { Ports } from "../../src/pipeline/ports.ts";

/** The books as requests use them, with every settlement told to who watches: also that of an answer hung up on. */
export function watchedBooks(books: Ports["books"], settled: (result: SettlementResult) => void): Ports["books"] {
  return {
    check: (request) => books.check(request),
    hold: (request) => books.hold(request),
    release: (holdId) => books.release(holdId),
    async settle(holdId, settlement) {
      const result = await books.settle(holdId, settlement);
      settled(result);
      return result;
    },
  };
}
