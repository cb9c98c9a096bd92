import { id, now } from "./reply.ts";

export interface Movement {
  readonly transactionId: string;
  /** PayPal's event code: T0006 checkout, T0002 subscription, T1107 refund, T1201 chargeback, T0001 mass payment. */
  readonly eventCode: string;
  readonly grossCents: number;
  /** Zero or less. */
  readonly feeCents: number;
  readonly at: string;
  readonly customField: string;
}

/** The network's account at PayPal, as PayPal sees it: what came, what went, what is left. In whole cents. */
export class Merchant {
  balanceCents = 0;
  readonly movements: Movement[] = [];

  move(eventCode: string, grossCents: number, feeCents: number, customField: string, transactionId = id("T")): string {
    this.balanceCents += grossCents - feeCents;
    this.movements.push({ transactionId, eventCode, grossCents, feeCents: -feeCents, at: now(), customField });
    return transactionId;
  }
}

/** What PayPal keeps of a payment: 3.49% and 49 cents, to the nearest cent. */
export function feeOf(grossCents: number): number {
  return Math.round(grossCents * 0.0349) + 49;
}
