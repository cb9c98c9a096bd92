/** One call to PayPal's API, parsed. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  // biome-ignore lint/suspicious/noExplicitAny: PayPal's own bodies, checked against its OpenAPI files where at hand.
  readonly body: any;
}

export interface Reply {
  readonly status: number;
  readonly body?: unknown;
}

export type Handler = (call: Call) => Reply;

/** A refusal in PayPal's shape. */
export function refusal(status: number, name: string, issue: string): Reply {
  const details = [{ issue, description: "Branch on the issue." }];
  return { status, body: { name, message: "See details.", debug_id: id("debug"), details, links: [] } };
}

export const notFound = () => refusal(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID");

let count = 0;

/** Capital letters and digits, unique in this process, at least 13 of them. */
export function id(prefix: string): string {
  count += 1;
  const random = Math.random().toString(36).slice(2, 8).toUpperCase().padEnd(6, "X");
  return `${prefix.replace(/[^A-Z0-9-]/gi, "").toUpperCase()}${random}${count.toString().padStart(7, "0")}`;
}

export function usd(cents: number) {
  return { currency_code: "USD", value: decimal(cents) };
}

export function decimal(cents: number): string {
  return `${cents < 0 ? "-" : ""}${Math.floor(Math.abs(cents) / 100)}.${`${Math.abs(cents) % 100}`.padStart(2, "0")}`;
}

export function centsOf(value: string): number {
  const match = /^(\d+)\.(\d{2})$/.exec(value);
  if (match === null) throw new RangeError(`not two decimals: ${value}`);
  return Number(match[1]) * 100 + Number(match[2]);
}

export function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, "Z");
}
