import { createSign } from "node:crypto";
import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { packageFile } from "../../src/paths.ts";
import { type Handler, id, notFound, now, refusal } from "./reply.ts";

export interface WebhookFaults {
  /** Deliver each event this many times. */
  copies: number;
  /** Lose every event. */
  isLossy: boolean;
  /** Hold events back, and deliver them last first when this is turned off. */
  isReordering: boolean;
}

const certificateFile = packageFile("test/fixtures/paypal/simulator-certificate.pem");
const keyFile = packageFile("test/fixtures/paypal/simulator-key.pem");

/** PayPal's webhooks: registered by API, signed with the simulator's own certificate, delivered with faults on demand. */
export class Webhooks {
  readonly faults: WebhookFaults = { copies: 1, isLossy: false, isReordering: false };
  readonly #listeners = new Map<string, { url: string; event_types: { name: string }[] }>();
  readonly #held: (() => Promise<void>)[] = [];
  readonly #baseUrl: () => string;
  #underway: Promise<unknown> = Promise.resolve();

  constructor(baseUrl: () => string) {
    this.#baseUrl = baseUrl;
  }

  certificate(): string {
    return readFileSync(certificateFile, "utf8");
  }

  emit(eventType: string, resourceType: string, resource: unknown): void {
    if (this.faults.isLossy) return;
    const event = {
      id: id("WH-"),
      event_version: "1.0",
      create_time: now(),
      resource_type: resourceType,
      event_type: eventType,
      summary: eventType,
      resource,
      links: [],
    };
    for (let copy = 0; copy < this.faults.copies; copy += 1) this.#held.push(() => this.#deliver(event));
    if (!this.faults.isReordering) this.flush();
  }

  /** Delivers what was held back, the last first. */
  flush(): void {
    for (const deliver of this.#held.splice(0).reverse()) this.#underway = this.#underway.then(deliver);
  }

  /** Resolves once everything emitted was delivered, or refused. */
  async settled(): Promise<void> {
    await this.#underway;
  }

  async #deliver(event: { readonly id: string }): Promise<void> {
    const body = JSON.stringify(event);
    for (const [webhookId, { url }] of this.#listeners) {
      const [transmissionId, time] = [id("TX"), now()];
      const message = `${transmissionId}|${time}|${webhookId}|${crc32(Buffer.from(body))}`;
      const signature = createSign("RSA-SHA256").update(message).sign(readFileSync(keyFile, "utf8"), "base64");
      const headers = {
        "content-type": "application/json",
        "paypal-transmission-id": transmissionId,
        "paypal-transmission-time": time,
        "paypal-transmission-sig": signature,
        "paypal-auth-algo": "SHA256withRSA",
        "paypal-cert-url": `${this.#baseUrl()}/v1/notifications/certs/CERT-simulator`,
      };
      // A listener that is down gets nothing: PayPal would retry for three days, and users report losses all the same.
      await fetch(url, { method: "POST", headers, body }).catch(() => undefined);
    }
  }

  readonly handlers: Readonly<Record<string, Handler>> = {
    "POST /v1/notifications/webhooks": ({ body }) => {
      if ([...this.#listeners.values()].some((listener) => listener.url === body.url)) {
        return refusal(400, "WEBHOOK_URL_ALREADY_EXISTS", "WEBHOOK_URL_ALREADY_EXISTS");
      }
      const webhookId = id("WEBHOOK");
      this.#listeners.set(webhookId, { url: body.url, event_types: body.event_types });
      return { status: 201, body: { id: webhookId, url: body.url, event_types: body.event_types, links: [] } };
    },
    "GET /v1/notifications/webhooks": () => ({
      status: 200,
      body: {
        webhooks: [...this.#listeners].map(([webhookId, listener]) => ({ id: webhookId, ...listener, links: [] })),
      },
    }),
    "DELETE /v1/notifications/webhooks/:id": ({ parameters }) =>
      this.#listeners.delete(parameters.id ?? "") ? { status: 204 } : notFound(),
  };
}
