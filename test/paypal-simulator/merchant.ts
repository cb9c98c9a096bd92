import { id, now } from "./reply.ts";

export interface Movement {
  readonly transactionId: string;
  /** PayPal's event code: T0006 checkout, T0002 subscription, T1107 refund, T1201 chargeback, T0001 and T1114 payouts. */
  readonly eventCode: string;
  readonly grossCents: number;
  /** Zero or less. */
  readonly feeCents: number;
  readonly at: string;
  readonly customField: string;
  /** The transaction or subscription it came of. */
  readonly reference: string | null;
  /** S: done, P: pending, D: denied. */
  readonly status: string;
}

export interface MovementNames {
  readonly customField?: string;
  readonly transactionId?: string;
  readonly reference?: string;
  readonly status?: string;
}

/** The network's account at PayPal, as PayPal sees it: what came, what went, what is left. In whole cents. */
export class Merchant {
  balanceCents = 0;
  readonly movements: Movement[] = [];

  /** `feeCents` above zero is kept by PayPal, below is given back. */
  move(eventCode: string, grossCents: number, feeCents: number, names: MovementNames = {}): string {
    const { customField = "", transactionId = id("T"), reference = null, status = "S" } = names;
    this.balanceCents += grossCents - feeCents;
    const at = now();
    const cents = { grossCents, feeCents: -feeCents };
    this.movements.push({ transactionId, eventCode, ...cents, at, customField, reference, status });
    return transactionId;
  }
}

/** What PayPal keeps of a payment: 3.49% and 49 cents, to the nearest cent. */
export function feeOf(grossCents: number): number {
  return Math.round(grossCents * 0.0349) + 49;
}
