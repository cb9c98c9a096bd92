import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Merchant } from "./merchant.ts";
import { Orders } from "./orders.ts";
import { Payouts } from "./payouts.ts";
import { type Call, type Handler, type Reply, refusal } from "./reply.ts";
import { Reports } from "./reports.ts";
import { openSpecs } from "./spec-validator.ts";
import { Subscriptions } from "./subscriptions.ts";
import { Webhooks } from "./webhooks.ts";

/** What goes wrong with the next call whose "METHOD /path" matches. */
export interface Fault {
  readonly match: RegExp;
  /** `error`: 500, `busy`: 429, before anything happened; it happened and the link breaks, or the answer never comes. */
  readonly kind: "error" | "busy" | "lost-answer" | "timeout";
}

/**
 * PayPal on 127.0.0.1: its shapes, states, idempotency keys, signed webhooks, approval pages and faults on demand. Both
 * directions are validated by PayPal's OpenAPI files where they are at hand; what does not fit is in `violations`.
 */
export class PayPalSimulator {
  readonly clientId = "simulated-client";
  readonly clientSecret = "simulated-secret";
  readonly merchant = new Merchant();
  readonly webhooks = new Webhooks(() => this.url);
  readonly orders = new Orders(this.merchant, this.webhooks, () => this.url);
  readonly subscriptions = new Subscriptions(this.merchant, this.webhooks, () => this.url);
  readonly payouts = new Payouts(this.merchant, this.webhooks, () => this.url);
  readonly reports = new Reports(this.merchant);
  readonly faults: Fault[] = [];
  readonly violations: string[] = [];
  /** Every call as "METHOD /path", in order. */
  readonly calls: string[] = [];
  url = "";
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #specs = openSpecs();
  /** By request id, which PayPal was seen not to heed for payouts. Source: paypal/PayPal-Java-SDK, issue 379. */
  readonly #answered = new Map<string, Reply>();
  readonly #handlers: readonly (readonly [string, Handler])[];
  readonly #unanswered = new Set<ServerResponse>();

  constructor() {
    this.#handlers = Object.entries({
      ...this.orders.handlers,
      ...this.subscriptions.handlers,
      ...this.payouts.handlers,
      ...this.webhooks.handlers,
      ...this.reports.handlers,
    });
  }

  static async start(): Promise<PayPalSimulator> {
    const simulator = new PayPalSimulator();
    await new Promise<void>((resolve) => simulator.#server.listen(0, "127.0.0.1", resolve));
    const address = simulator.#server.address();
    simulator.url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
    return simulator;
  }

  /** Opens an approval link as a payer would, and agrees. */
  async approve(approvalUrl: string): Promise<void> {
    const answer = await fetch(approvalUrl, { method: "POST" });
    if (!answer.ok) throw new Error(`the approval page says ${answer.status}`);
  }

  async close(): Promise<void> {
    await this.webhooks.settled();
    for (const response of this.#unanswered) response.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.url);
    const text = await readText(request);
    const method = request.method ?? "GET";
    const page = this.#page(method, url);
    if (page !== null) return void response.writeHead(page.status, { "content-type": "text/html" }).end(page.body);
    if (url.pathname === "/v1/oauth2/token") return send(response, this.#token(request));
    const label = `${method} ${url.pathname}`;
    this.calls.push(label);
    const fault = this.#takeFault(label);
    if (fault?.kind === "error") return send(response, refusal(500, "INTERNAL_SERVER_ERROR", "INTERNAL_SERVICE_ERROR"));
    if (fault?.kind === "busy") return send(response, refusal(429, "RATE_LIMIT_REACHED", "RATE_LIMIT_REACHED"));
    const reply = this.#reply(method, url, text, request);
    if (fault?.kind === "lost-answer") return void response.destroy();
    if (fault?.kind === "timeout") return void this.#unanswered.add(response);
    send(response, reply);
  }

  #reply(method: string, url: URL, text: string, request: IncomingMessage): Reply {
    if (request.headers.authorization !== "Bearer simulated-token")
      return refusal(401, "AUTHENTICATION_FAILURE", "INVALID_TOKEN");
    const body = text === "" ? undefined : JSON.parse(text);
    const requestId = request.headers["paypal-request-id"];
    const isHeeded = typeof requestId === "string" && url.pathname !== "/v1/payments/payouts";
    const key = isHeeded ? `${method} ${url.pathname} ${requestId}` : null;
    const before = key === null ? undefined : this.#answered.get(key);
    if (before !== undefined) return { ...before, status: 200 };
    const violations = this.#specs?.request(method, url.pathname, body) ?? [];
    this.violations.push(...violations.map((problem) => `request ${method} ${url.pathname}: ${problem}`));
    if (violations.length > 0) return refusal(400, "INVALID_REQUEST", "INVALID_PARAMETER_SYNTAX");
    const reply = this.#handle({
      method,
      path: url.pathname,
      query: url.searchParams,
      body,
      headers: headersOf(request),
    });
    const wrong = this.#specs?.response(method, url.pathname, reply.status, reply.body) ?? [];
    this.violations.push(...wrong.map((problem) => `response ${method} ${url.pathname}: ${problem}`));
    if (key !== null && reply.status < 300) this.#answered.set(key, reply);
    return reply;
  }

  #handle(call: Omit<Call, "parameters">): Reply {
    for (const [route, handler] of this.#handlers) {
      const parameters = match(route, `${call.method} ${call.path}`);
      if (parameters !== null) return handler({ ...call, parameters });
    }
    return refusal(404, "NOT_FOUND", "NOT_FOUND");
  }

  #token(request: IncomingMessage): Reply {
    const expected = `Basic ${Buffer.from(`${this.clientId}:${this.clientSecret}`).toString("base64")}`;
    if (request.headers.authorization !== expected) return { status: 401, body: { error: "invalid_client" } };
    const token = { access_token: "simulated-token", token_type: "Bearer", expires_in: 32_400 };
    return { status: 200, body: { ...token, scope: "", app_id: "APP-1", nonce: "nonce" } };
  }

  /** Approval pages and the certificate: what a browser or a verifier fetches. */
  #page(method: string, url: URL): { status: number; body: string } | null {
    if (url.pathname.startsWith("/v1/notifications/certs/")) return { status: 200, body: this.webhooks.certificate() };
    const approve = this.#approval(url);
    if (approve === null) return null;
    if (method !== "POST") return { status: 200, body: approvalPage };
    return approve() ? { status: 200, body: "Approved." } : { status: 404, body: "There is nothing to approve." };
  }

  #approval(url: URL): (() => boolean) | null {
    const { pathname, searchParams } = url;
    if (pathname === "/checkoutnow") return () => this.orders.approve(searchParams.get("token") ?? "");
    if (pathname !== "/webapps/billing/subscriptions") return null;
    return () => this.subscriptions.approve(searchParams.get("ba_token") ?? "");
  }

  #takeFault(label: string): Fault | null {
    const index = this.faults.findIndex((fault) => fault.match.test(label));
    return index === -1 ? null : (this.faults.splice(index, 1)[0] ?? null);
  }
}

const approvalPage =
  '<!doctype html><title>PayPal simulator</title><form method="post"><button>Agree and pay</button></form>';

function match(route: string, label: string): Record<string, string> | null {
  const [wanted, given] = [route.split("/"), label.split("/")];
  if (wanted.length !== given.length) return null;
  const parameters: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const value = given[index] ?? "";
    if (segment.startsWith(":")) parameters[segment.slice(1)] = decodeURIComponent(value);
    else if (segment !== value) return null;
  }
  return parameters;
}

function headersOf(request: IncomingMessage): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function send(response: ServerResponse, { status, body }: Reply): void {
  if (body === undefined) return void response.writeHead(status).end();
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
