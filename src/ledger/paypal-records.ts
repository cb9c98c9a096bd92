import type { Millis } from "../clock.ts";

/** A webhook as PayPal sent it, its signature verified. */
export interface WebhookEvent {
  readonly id: string;
  readonly body: string;
  readonly receivedAt: Millis;
}

/** What the network keeps of its dealings with PayPal beside payments, subscriptions and payouts. */
export interface PayPalRecords {
  /** Durable before it resolves; false where the event was received before. */
  receive(event: Pick<WebhookEvent, "id" | "body">): Promise<boolean>;
  /** Not processed yet, oldest first, at most `limit`. */
  waiting(limit: number): Promise<readonly WebhookEvent[]>;
  processed(id: string): Promise<void>;
  /** PayPal's id of something made once, by our name for it, or null. */
  find(name: string): Promise<string | null>;
  remember(name: string, paypalId: string): Promise<void>;
}
