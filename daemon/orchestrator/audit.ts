import type * as z from "zod";
import { isPeerError, PeerError } from "../../src/errors.ts";
import { networkAccount } from "../../src/ledger/account.ts";
import type { Books } from "../../src/ledger/books.ts";
import { formatUsd } from "../../src/money.ts";
import type { networkMethods, paypalComparisonSchema } from "../../src/protocol/control-methods.ts";
import type { Reconciliation } from "../paypal/reconciliation.ts";
import type { Treasury } from "../paypal/treasury.ts";

type Comparison = z.input<typeof paypalComparisonSchema>;
type Audit = z.input<(typeof networkMethods)["audit"]["result"]>;

const toldMax = 20;

/** The books from their first entry, and beside PayPal's where it has a part and answers. Nothing is written. */
export async function auditNetwork(books: Books, treasury: Treasury | null): Promise<Audit> {
  const { totals, balanced, ...report } = await books.audit();
  const formatted = Object.entries(totals).map(([kind, amount]) => [kind, formatUsd(amount)]);
  const paypal = treasury === null ? null : await compare(books, treasury);
  return {
    balanced: balanced && paypal?.comparison !== "different",
    ...report,
    totals: Object.fromEntries(formatted),
    paypal,
  };
}

/** Throws `parameter_unsupported` where PayPal has no part, and what PayPal could not be asked for. */
export async function reconcileNetwork(treasury: Treasury | null): Promise<Comparison> {
  if (treasury === null) {
    throw new PeerError("parameter_unsupported", "This network does not bill by PayPal.", {
      hint: '"peerllm network audit" proves the books alone.',
    });
  }
  return documentOf(await treasury.reconcile());
}

/** Books are audited whether or not PayPal answers. */
async function compare(books: Books, treasury: Treasury): Promise<Comparison> {
  try {
    return documentOf(await treasury.compare());
  } catch (error) {
    if (!isPeerError(error)) throw error;
    return {
      comparison: "unavailable",
      why: error.message,
      paypalUsd: null,
      booksUsd: formatUsd(await books.balanceOf(networkAccount("paypal-clearing"))),
      isEqual: null,
      inTransitUsd: null,
      posted: 0,
      lacking: [],
      unlisted: [],
      recent: 0,
      comparedThrough: null,
    };
  }
}

function documentOf(found: Reconciliation): Comparison {
  const { comparison, posted, recent, comparedThrough, isEqual } = found;
  return {
    comparison,
    why: whyOf(found),
    paypalUsd: formatUsd(found.paypalBalance),
    booksUsd: formatUsd(found.booksBalance),
    isEqual,
    inTransitUsd: formatUsd(found.inTransit),
    posted,
    lacking: found.lacking.slice(0, toldMax).map(({ transaction: { id, code, at }, gap, why }) => ({
      transaction: id,
      code,
      at,
      usd: formatUsd(gap),
      why,
    })),
    unlisted: found.unlisted.slice(0, toldMax).map(({ key, at, net }) => ({ key, at, usd: formatUsd(net) })),
    recent,
    comparedThrough,
  };
}

function whyOf({ comparison, lacking, unlisted, unexplained, recent }: Reconciliation): string | null {
  if (comparison === "equal") return null;
  if (comparison === "late") {
    return `PayPal's reports run up to three hours late; ${recent} entries of the books may not be in them yet.`;
  }
  if (lacking.length > 0 || unlisted.length > 0) {
    return `The books lack ${lacking.length} of PayPal's transactions, and PayPal lacks ${unlisted.length} of theirs.`;
  }
  return `PayPal's balance is off its own list of transactions by $${formatUsd(unexplained)}.`;
}
