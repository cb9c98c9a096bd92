import type { Merchant, Movement } from "./merchant.ts";
import { type Call, decimal, type Handler, now, type Reply, refusal, usd } from "./reply.ts";

const windowMsMax = 31 * 86_400_000;

/** Transaction search and balances: late where asked, at most 31 days and `resultsMax` transactions at a time. */
export class Reports {
  /** What moved this long ago or later is not listed yet. */
  lagMs = 0;
  balanceLagMs = 0;
  resultsMax = 10_000;
  /** The app was not given the permission. */
  isForbidden = false;
  readonly #merchant: Merchant;

  constructor(merchant: Merchant) {
    this.#merchant = merchant;
  }

  #movedBefore(lagMs: number): Movement[] {
    const through = Date.now() - lagMs;
    return this.#merchant.movements.filter(({ at }) => Date.parse(at) <= through);
  }

  #transactions({ query }: Call): Reply {
    if (this.isForbidden) return refusal(403, "NOT_AUTHORIZED", "NOT_AUTHORIZED");
    const [from, until] = [Date.parse(query.get("start_date") ?? ""), Date.parse(query.get("end_date") ?? "")];
    if (!(until - from <= windowMsMax)) return refusal(400, "INVALID_REQUEST", "INVALID_PARAMETER_VALUE");
    const found = this.#movedBefore(this.lagMs).filter(({ at }) => Date.parse(at) >= from && Date.parse(at) <= until);
    if (found.length > this.resultsMax) return refusal(400, "INVALID_REQUEST", "RESULTSET_TOO_LARGE");
    const size = Number(query.get("page_size") ?? 100);
    const page = Number(query.get("page") ?? 1);
    return {
      status: 200,
      body: {
        transaction_details: found.slice((page - 1) * size, page * size).map(detailOf),
        last_refreshed_datetime: new Date(Date.now() - this.lagMs).toISOString(),
        page,
        total_items: found.length,
        total_pages: Math.max(1, Math.ceil(found.length / size)),
      },
    };
  }

  #balances({ query }: Call): Reply {
    const asOf = query.get("as_of_time");
    const until = asOf === null ? Number.POSITIVE_INFINITY : Date.parse(asOf);
    const cents = this.#movedBefore(this.balanceLagMs)
      .filter(({ at }) => Date.parse(at) <= until)
      .reduce((sum, { grossCents, feeCents }) => sum + grossCents + feeCents, 0);
    const total = { currency_code: "USD", value: decimal(cents) };
    return {
      status: 200,
      body: { balances: [{ currency: "USD", primary: true, total_balance: total }], as_of_time: asOf ?? now() },
    };
  }

  readonly handlers: Readonly<Record<string, Handler>> = {
    "GET /v1/reporting/transactions": (call) => this.#transactions(call),
    "GET /v1/reporting/balances": (call) => this.#balances(call),
  };
}

function detailOf(movement: Movement) {
  const { transactionId, eventCode, at, grossCents, feeCents, customField, reference } = movement;
  const type = reference?.startsWith("I-") === true ? "SUB" : "TXN";
  return {
    transaction_info: {
      transaction_id: transactionId,
      transaction_event_code: eventCode,
      transaction_initiation_date: at,
      transaction_updated_date: at,
      transaction_amount: usd(grossCents),
      fee_amount: usd(feeCents),
      transaction_status: movement.status,
      ...(reference === null ? {} : { paypal_reference_id: reference, paypal_reference_id_type: type }),
      ...(customField === "" ? {} : { custom_field: customField }),
    },
  };
}
