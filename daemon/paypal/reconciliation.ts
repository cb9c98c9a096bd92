import { type Clock, dayMs, type Millis } from "../../src/clock.ts";
import { isPeerError } from "../../src/errors.ts";
import { isId, type PayoutId } from "../../src/ids.ts";
import { networkAccount } from "../../src/ledger/account.ts";
import type { Books } from "../../src/ledger/books.ts";
import type { Payment, PaymentStore, Receipt } from "../../src/ledger/payment.ts";
import type { Payout, PayoutStore } from "../../src/ledger/payout.ts";
import type { PayPalRecords } from "../../src/ledger/paypal-records.ts";
import {
  adjustmentTransfer,
  bookedKeysOf,
  type ClearingEntry,
  meaningOf,
  netOf,
  openingKey,
  ownKeysOf,
  type PayPalTransaction,
  type PayPalTransactionStore,
  payoutKeysOf,
} from "../../src/ledger/paypal-transactions.ts";
import type { Subscription, SubscriptionStore } from "../../src/ledger/subscription.ts";
import { hashOfRequest } from "../../src/ledger/transfer.ts";
import { addUsd, type NanoUsd, nanoUsd, subtractUsd, sumUsd, zeroUsd } from "../../src/money.ts";
import type { PayoutRun } from "./payout-run.ts";
import { reportLagMs, type TransactionSearch, windowMsMax } from "./transactions.ts";

export interface ReconciliationOptions {
  readonly search: TransactionSearch;
  readonly transactions: PayPalTransactionStore;
  readonly records: PayPalRecords;
  readonly payments: PaymentStore;
  readonly subscriptions: SubscriptionStore;
  readonly payouts: PayoutStore;
  readonly payoutRun: PayoutRun;
  readonly books: Books;
  readonly clock: Clock;
}

/** A transaction of PayPal's that the books lack, or have with another amount. */
export interface Lack {
  readonly transaction: PayPalTransaction;
  /** What PayPal's balance moved by beyond what the books say. */
  readonly gap: NanoUsd;
  readonly why: string;
}

export interface Reconciliation {
  /** What PayPal says the network has there. */
  readonly paypalBalance: NanoUsd;
  /** What the books say. */
  readonly booksBalance: NanoUsd;
  /** Payouts under way that have left PayPal's balance and are posted once they arrive: zero or less. */
  readonly inTransit: NanoUsd;
  /** What of PayPal's balance neither its own list nor the books explain. */
  readonly unexplained: NanoUsd;
  /** Transactions that this run wrote to the books. */
  readonly posted: number;
  readonly lacking: readonly Lack[];
  /** What the books have and PayPal, whose reports reach that far, has not. */
  readonly unlisted: readonly ClearingEntry[];
  /** What the books have and PayPal's reports can't have yet. */
  readonly recent: number;
  /** PayPal's reports are whole up to here. */
  readonly comparedThrough: Millis;
  /** `late`: they differ by what PayPal's reports, up to three hours behind, may not show yet. */
  readonly comparison: "equal" | "late" | "different";
  readonly isEqual: boolean;
}

const unmatchedMax = 10_000;
/** Pending payments turn up within days under the date they began: each run reads a month again. */
const overlapMs = windowMsMax - 2 * dayMs;
/** Clocks differ: PayPal's date of our first payment may be before ours. */
const clockMarginMs = 3_600_000;
const sinceName = "transactions-since";
const throughName = "transactions-through";

/**
 * Holds the books beside PayPal's own list of what moved, transaction by transaction. What the books lack is posted under
 * the key that its webhook would have used, so a late webhook changes nothing; what only the books have is told.
 */
export function newReconciliation(options: ReconciliationOptions) {
  const { search, transactions, records, payments, subscriptions, payouts, payoutRun, books, clock } = options;

  /** `isPosting`: also writes what the books lack; else it only tells. Throws where PayPal can't be asked. */
  async function reconcile({ isPosting }: { readonly isPosting: boolean }): Promise<Reconciliation> {
    const comparedThrough = await read();
    let posted = 0;
    const gaps: Lack[] = [];
    for (const transaction of await transactions.unmatched(unmatchedMax)) {
      const before = await gapOf(transaction);
      const why = isPosting && before !== 0n ? await explain(transaction) : null;
      const gap = isPosting ? await gapOf(transaction) : before;
      if (gap !== before) posted += 1;
      if (gap === 0n && (await isFinal(transaction))) await transactions.matched([transaction.id]);
      if (gap !== 0n) gaps.push({ transaction, gap, why: why ?? "The books have no entry for it." });
    }
    return compare(posted, gaps, comparedThrough);
  }

  /** Reads PayPal's list from where it was last read, less a month, and keeps what is new. */
  async function read(): Promise<Millis> {
    const since = await begin();
    const before = Number((await records.find(throughName)) ?? since);
    const listing = await search.list(Math.max(since, before - overlapMs), clock.now());
    await transactions.note(await withSubjects(listing.transactions));
    await records.remember(throughName, String(listing.through));
    return listing.through;
  }

  /** What comes back may name only the transaction it came of: it is about the same. */
  async function withSubjects(listed: readonly PayPalTransaction[]): Promise<readonly PayPalTransaction[]> {
    const subjects = new Map(listed.map(({ id, subject }) => [id, subject]));
    const named: PayPalTransaction[] = [];
    for (const transaction of listed) {
      const { subject, reference } = transaction;
      const original = subject === "" && reference !== null ? reference : null;
      const known =
        original === null ? subject : (subjects.get(original) ?? (await transactions.find(original))?.subject);
      named.push({ ...transaction, subject: known ?? "" });
    }
    return named;
  }

  /** The first time: what was at PayPal before the network's first dealings opens the books there. */
  async function begin(): Promise<Millis> {
    const known = await records.find(sinceName);
    if (known !== null) return Number(known);
    const first = (await transactions.firstDealing()) ?? clock.now();
    const since = Math.floor(Math.min(first, clock.now()) / 1_000) * 1_000 - clockMarginMs;
    const opening = await search.balance(since);
    if (opening !== 0n) await books.post(adjustmentTransfer(openingKey, opening, "paypal-suspense", openingKey));
    await records.remember(sinceName, String(since));
    return since;
  }

  /** What PayPal says moved for this transaction, or for its payout as a whole, less what the books say. */
  async function gapOf(transaction: PayPalTransaction): Promise<NanoUsd> {
    const { group, keys } = await groupOf(transaction);
    const booked = (await transactions.booked(keys)) ?? zeroUsd;
    return subtractUsd(sumUsd(group.map(netOf)), booked);
  }

  /** A payout goes out, comes back, and may cost: its transactions are one matter, as its transfers are. */
  async function groupOf(transaction: PayPalTransaction) {
    const payoutId = payoutIdOf(transaction);
    if (payoutId === null) return { group: [transaction], keys: bookedKeysOf(transaction.id) };
    const group = await transactions.ofSubject(payoutId);
    return { group, keys: [...payoutKeysOf(payoutId), ...group.flatMap(({ id }) => ownKeysOf(id))] };
  }

  /** A payout under way may yet move; everything else stays as it is. */
  async function isFinal(transaction: PayPalTransaction): Promise<boolean> {
    const payout = await payoutOf(transaction);
    return payout === null || payout.state === "paid" || payout.state === "returned";
  }

  async function payoutOf(transaction: PayPalTransaction): Promise<Payout | null> {
    const payoutId = payoutIdOf(transaction);
    return payoutId === null ? null : payouts.find(payoutId);
  }

  /** Writes what the books lack, once. Tells why where it can't; the next run tries again. */
  async function explain(transaction: PayPalTransaction): Promise<string | null> {
    try {
      await post(transaction);
      return await correctFee(transaction);
    } catch (error) {
      if (!isPeerError(error)) throw error;
      return error.message;
    }
  }

  async function post(transaction: PayPalTransaction): Promise<void> {
    const { id } = transaction;
    if (payoutIdOf(transaction) !== null) return postPayout(transaction);
    if ((await transactions.booked(bookedKeysOf(id))) !== null) return;
    switch (meaningOf(transaction)) {
      case "received":
        return postReceived(transaction);
      case "taken-back":
        return postTakenBack(transaction);
      case "given-back":
        return postGivenBack(transaction);
      case "fee":
        return adjust(transaction, "paypal-fees");
      case "payout":
        // A payout that names none of ours is another business's on the same account; one that names nothing is a riddle.
        if (transaction.subject !== "") await adjust(transaction, "paypal-suspense");
        return;
      case "other":
        return adjust(transaction, "paypal-suspense");
    }
  }

  async function postReceived(transaction: PayPalTransaction): Promise<void> {
    const { id, subject, reference, at } = transaction;
    const payment = isId("payment", subject) ? await payments.find(subject) : null;
    if (payment !== null) return void (await payments.complete(payment.id, id, receiptOf(transaction, "capture")));
    const subscription = await subscriptionOf(subject, reference);
    if (subscription === null) return adjust(transaction, "paypal-suspense");
    await subscriptions.paid(subscription.id, receiptOf(transaction, "sale"), at);
  }

  async function postTakenBack(transaction: PayPalTransaction): Promise<void> {
    const { payment, subscription } = await originOf(transaction);
    const receipt = receiptOf(transaction, "refund");
    if (payment !== null) await payments.refund(payment.id, receipt);
    else if (subscription !== null) await subscriptions.refund(subscription.id, receipt);
    else await adjust(transaction, "paypal-suspense");
  }

  /** A dispute won: what was taken back is received again. */
  async function postGivenBack(transaction: PayPalTransaction): Promise<void> {
    const { payment, subscription } = await originOf(transaction);
    const receipt = receiptOf(transaction, "restored");
    if (payment !== null) await payments.restore(payment.id, receipt);
    else if (subscription !== null) await subscriptions.paid(subscription.id, receipt, transaction.at);
    else await adjust(transaction, "paypal-suspense");
  }

  /** What a transaction is about: the payment or subscription that it, or the one it refers to, names. */
  async function originOf({ subject, reference }: PayPalTransaction): Promise<Origin> {
    const captured = reference === null ? null : await payments.findByCapture(reference);
    const payment = captured ?? (isId("payment", subject) ? await payments.find(subject) : null);
    if (payment !== null) return { payment, subscription: null };
    const original = reference === null ? null : await transactions.find(reference);
    return { payment: null, subscription: await subscriptionOf(subject, original?.reference ?? reference) };
  }

  async function subscriptionOf(subject: string, reference: string | null): Promise<Subscription | null> {
    if (isId("subscription", subject)) return subscriptions.find(subject);
    return reference === null ? null : subscriptions.findByPaypal(reference);
  }

  async function postPayout(transaction: PayPalTransaction): Promise<void> {
    const payout = await payoutOf(transaction);
    if (payout !== null) await payoutRun.advance(payout);
    else await adjust(transaction, "paypal-suspense");
  }

  async function adjust(transaction: PayPalTransaction, against: "paypal-fees" | "paypal-suspense"): Promise<void> {
    const { id, code } = transaction;
    await books.post(adjustmentTransfer(`paypal:${id}`, netOf(transaction), against, `${code} ${id}`));
  }

  /** Where the amount agrees and PayPal's fee came out otherwise than it was told, the network bears the difference. */
  async function correctFee(transaction: PayPalTransaction): Promise<string | null> {
    const gap = await gapOf(transaction);
    if (gap === 0n) return null;
    const payout = await payoutOf(transaction);
    const isFee = payout === null ? await isSameAmount(transaction) : await isSamePayout(transaction, payout);
    if (isFee === "open") return "The payout is under way.";
    if (isFee !== "yes") return "The books have it with another amount.";
    const reference = `${transaction.code} ${transaction.id}`;
    await books.post(adjustmentTransfer(`fee:${transaction.id}`, gap, "paypal-fees", reference));
    return null;
  }

  async function isSameAmount({ id, gross }: PayPalTransaction): Promise<"yes" | "no"> {
    const amount = gross < 0n ? nanoUsd(-gross) : gross;
    for (const key of bookedKeysOf(id)) {
      if (await transactions.isRequest(key, hashOfRequest({ amount, key }))) return "yes";
    }
    return "no";
  }

  async function isSamePayout(transaction: PayPalTransaction, payout: Payout): Promise<"yes" | "no" | "open"> {
    if (!(await isFinal(transaction))) return "open";
    const { group } = await groupOf(transaction);
    const gross = sumUsd(group.map((one) => one.gross));
    return gross === (payout.state === "paid" ? nanoUsd(-payout.amount) : zeroUsd) ? "yes" : "no";
  }

  async function compare(posted: number, gaps: readonly Lack[], comparedThrough: Millis): Promise<Reconciliation> {
    const paypalBalance = await search.balance(null);
    const [booksBalance, entries] = await Promise.all([
      books.balanceOf(networkAccount("paypal-clearing")),
      transactions.unlisted(),
    ]);
    const listedBy = Math.min(comparedThrough, clock.now() - reportLagMs);
    const unlisted = entries.filter(({ at }) => at < listedBy);
    const recent = entries.length - unlisted.length;
    const whole = withoutRepeats(gaps);
    const underway = await Promise.all(whole.map(async (gap) => !(await isFinal(gap.transaction))));
    const lacking = whole.filter((_, index) => underway[index] === false);
    const inTransit = sum(whole.filter((_, index) => underway[index] === true));
    const listed = subtractUsd(addUsd(booksBalance, sum(whole)), sumUsd(entries.map(({ net }) => net)));
    const unexplained = subtractUsd(paypalBalance, listed);
    const isDifferent = lacking.length > 0 || unlisted.length > 0;
    const comparison = isDifferent ? "different" : unexplained === 0n ? "equal" : recent > 0 ? "late" : "different";
    const isEqual = comparison === "equal";
    return {
      paypalBalance,
      booksBalance,
      inTransit,
      unexplained,
      posted,
      lacking,
      unlisted,
      recent,
      comparedThrough,
      comparison,
      isEqual,
    };
  }

  /** The transactions of one payout share its gap. */
  function withoutRepeats(gaps: readonly Lack[]): readonly Lack[] {
    const seen = new Set<string>();
    const once: Lack[] = [];
    for (const gap of gaps) {
      const name = payoutIdOf(gap.transaction) ?? `${gap.transaction.id} ${gap.transaction.code}`;
      if (!seen.has(name)) once.push(gap);
      seen.add(name);
    }
    return once;
  }

  return { reconcile };
}

interface Origin {
  readonly payment: Payment | null;
  readonly subscription: Subscription | null;
}

function payoutIdOf({ subject }: PayPalTransaction): PayoutId | null {
  return isId("payout", subject) ? subject : null;
}

function receiptOf({ id, gross, fee }: PayPalTransaction, kind: "capture" | "sale" | "refund" | "restored"): Receipt {
  return { key: `${kind}:${id}`, amount: gross < 0n ? nanoUsd(-gross) : gross, fee: nanoUsd(-fee) };
}

function sum(gaps: readonly Lack[]): NanoUsd {
  return sumUsd(gaps.map(({ gap }) => gap));
}
