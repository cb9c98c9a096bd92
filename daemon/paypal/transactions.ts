import type { TransactionInformation, TransactionSearchController } from "@paypal/paypal-server-sdk";
import { dayMs, type Millis } from "../../src/clock.ts";
import type { PayPalTransaction } from "../../src/ledger/paypal-transactions.ts";
import type { NanoUsd } from "../../src/money.ts";
import { parsePaypalAmount } from "./amount.ts";
import { outcomeOf, type Refusal, refused, required } from "./paypal-error.ts";

/** PayPal's transactions of a time, and how far its reports reach. */
export interface Listing {
  readonly transactions: readonly PayPalTransaction[];
  /** What happened later is not in the reports yet, or not all of it. */
  readonly through: Millis;
}

/** PayPal lists at most 31 days at a time, and at most 10,000 transactions of them. */
export const windowMsMax = 31 * dayMs;
/** "It takes a maximum of three hours for executed transactions to appear." */
export const reportLagMs = 3 * 3_600_000;
const pageSize = 500;
const pagesMax = 20;
const narrowestWindowMs = 60_000;
/** Done, and done but reversed since. What is pending has left where it goes out, and is not here where it comes in. */
const movedStatuses = { in: ["S", "V"], out: ["S", "V", "P"] } as const satisfies Record<string, readonly string[]>;

/** PayPal's own books: what it lists as having moved the balance, in dollars. */
export function newTransactionSearch(controller: TransactionSearchController) {
  /** Every transaction from `from` until `until`, in as many windows and pages as PayPal asks for. */
  async function list(from: Millis, until: Millis): Promise<Listing> {
    const transactions: PayPalTransaction[] = [];
    let through = until;
    for (let start = from; start < until; start += windowMsMax) {
      const window = await listWindow(start, Math.min(start + windowMsMax, until));
      transactions.push(...window.transactions);
      through = Math.min(through, window.through);
    }
    return { transactions, through };
  }

  /** A window with more than PayPal lists at once is read in halves. */
  async function listWindow(from: Millis, until: Millis): Promise<Listing> {
    const transactions: PayPalTransaction[] = [];
    let through = until;
    for (let page = 1; page <= pagesMax; page += 1) {
      const answer = await ask(from, until, page);
      if (!answer.isDone) {
        if (!isTooLarge(answer.refusal) || until - from < 2 * narrowestWindowMs) throw refusedListing(answer.refusal);
        return listHalves(from, until);
      }
      const { transactionDetails = [], totalPages = 1, lastRefreshedDatetime } = answer.result.result;
      if (totalPages > pagesMax) return listHalves(from, until);
      transactions.push(...transactionDetails.flatMap(({ transactionInfo }) => transactionOf(transactionInfo, until)));
      const refreshed = Date.parse(lastRefreshedDatetime ?? "");
      if (!Number.isNaN(refreshed)) through = Math.min(through, refreshed);
      if (page >= totalPages) break;
    }
    return { transactions, through };
  }

  async function listHalves(from: Millis, until: Millis): Promise<Listing> {
    const middle = Math.floor((from + until) / 2_000) * 1_000;
    const [early, late] = [await listWindow(from, middle), await listWindow(middle, until)];
    return {
      transactions: [...early.transactions, ...late.transactions],
      through: Math.min(late.through, until),
    };
  }

  function ask(from: Millis, until: Millis, page: number) {
    const [startDate, endDate] = [new Date(from).toISOString(), new Date(until).toISOString()];
    return outcomeOf("list its transactions", () =>
      controller.searchTransactions({
        startDate,
        endDate,
        transactionCurrency: "USD",
        fields: "transaction_info",
        balanceAffectingRecordsOnly: "Y",
        pageSize,
        page,
      }),
    );
  }

  /** What is on the account as PayPal last counted, or as it was at `asOf`. */
  async function balance(asOf: Millis | null): Promise<NanoUsd> {
    const asOfTime = asOf === null ? {} : { asOfTime: new Date(asOf).toISOString() };
    const answer = await required("show its balances", () =>
      controller.searchBalances({ ...asOfTime, currencyCode: "USD" }),
    );
    return parsePaypalAmount(answer.result.balances?.find(({ currency }) => currency === "USD")?.totalBalance);
  }

  return { list, balance };
}

export type TransactionSearch = ReturnType<typeof newTransactionSearch>;

function transactionOf(info: TransactionInformation | undefined, until: Millis): PayPalTransaction[] {
  if (info?.transactionId === undefined) return [];
  const gross = parsePaypalAmount(info.transactionAmount);
  const moved: readonly string[] = gross < 0n ? movedStatuses.out : movedStatuses.in;
  if (!moved.includes(info.transactionStatus ?? "S")) return [];
  const at = Date.parse(info.transactionInitiationDate ?? "");
  return [
    {
      id: info.transactionId,
      code: info.transactionEventCode ?? "",
      at: Number.isNaN(at) ? until : at,
      gross,
      fee: parsePaypalAmount(info.feeAmount),
      reference: info.paypalReferenceId ?? null,
      subject: info.customField ?? "",
    },
  ];
}

function isTooLarge({ issue }: Refusal): boolean {
  return issue === "RESULTSET_TOO_LARGE";
}

/** Transaction search is a permission of its own at PayPal. */
function refusedListing(refusal: Refusal) {
  const what = "list its transactions";
  return refused(refusal.status === 403 ? `${what} (turn on "Transaction search" for the app)` : what, refusal);
}
