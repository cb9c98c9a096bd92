import { ApiError } from "@paypal/paypal-server-sdk";
import { HTTPError } from "got";
import * as z from "zod";
import { isPeerError, PeerError } from "../../src/errors.ts";

/** What PayPal said no to. Branch on `issue`, never on its description. */
export interface Refusal {
  readonly status: number;
  /** The kind of refusal, or null: "UNPROCESSABLE_ENTITY", "VALIDATION_ERROR" … */
  readonly name: string | null;
  /** "INSTRUMENT_DECLINED", "RESOURCE_NOT_FOUND" … */
  readonly issue: string;
  /** What of the request is at fault, or null. */
  readonly field: string | null;
  readonly debugId: string | null;
  /** Where PayPal points instead: of a duplicate, to what was made the first time. */
  readonly links: readonly string[];
}

export type Outcome<T> =
  | { readonly isDone: true; readonly result: T }
  | { readonly isDone: false; readonly refusal: Refusal };

const linkList = z.array(z.looseObject({ href: z.string().optional() })).optional();
/** Links are beside the details by the specification, and in them as payouts are answered. */
const errorBody = z.looseObject({
  name: z.string().optional(),
  error: z.string().optional(),
  debug_id: z.string().optional(),
  links: linkList,
  details: z
    .array(
      z.looseObject({
        issue: z.string().optional(),
        field: z.string().optional(),
        link: linkList,
        links: linkList,
      }),
    )
    .optional(),
});

/**
 * Runs one call. A refusal is an answer; anything that leaves open whether PayPal acted (no answer, a timeout, 5xx, 429)
 * throws `upstream_failed`: ask PayPal, or say the same again with the same id, but never guess.
 */
export async function outcomeOf<T>(what: string, call: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { isDone: true, result: await call() };
  } catch (error) {
    if (isPeerError(error)) throw error;
    const answer = answerOf(error);
    if (answer === null || answer.status >= 500 || answer.status === 429 || answer.status === 401) {
      throw unknownOutcome(what, answer?.status ?? null, error);
    }
    return { isDone: false, refusal: refusalOf(answer.status, answer.body) };
  }
}

/** The result, or `payment_failed` with PayPal's issue. */
export async function required<T>(what: string, call: () => Promise<T>): Promise<T> {
  const outcome = await outcomeOf(what, call);
  if (outcome.isDone) return outcome.result;
  throw refused(what, outcome.refusal);
}

export function refused(what: string, { issue, debugId }: Refusal): PeerError {
  const reference = debugId === null ? "" : ` (PayPal's debug id ${debugId})`;
  return new PeerError("payment_failed", `PayPal refused to ${what}: ${issue}${reference}.`);
}

/** The error's own object is not kept: it may hold the request's credentials. */
function unknownOutcome(what: string, status: number | null, error: unknown): PeerError {
  const why = status === null ? nameOf(error) : `it answered ${status}`;
  return new PeerError("upstream_failed", `PayPal did not say whether it could ${what}: ${why}.`, {
    hint: "Nothing is lost: it is asked again until it says.",
  });
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return "no answer";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}

function answerOf(error: unknown): { status: number; body: unknown } | null {
  if (error instanceof ApiError) return { status: error.statusCode, body: error.body };
  if (error instanceof HTTPError) return { status: error.response.statusCode, body: error.response.body };
  return null;
}

function refusalOf(status: number, body: unknown): Refusal {
  const parsed = errorBody.safeParse(jsonOf(body));
  const { name, error, details = [], links = [], debug_id: debugId } = parsed.success ? parsed.data : {};
  const detailLinks = details.flatMap((detail) => [...(detail.link ?? []), ...(detail.links ?? [])]);
  return {
    status,
    name: name ?? null,
    issue: details[0]?.issue ?? name ?? error ?? `HTTP_${status}`,
    field: details[0]?.field ?? null,
    debugId: debugId ?? null,
    links: [...links, ...detailLinks].flatMap(({ href }) => href ?? []),
  };
}

function jsonOf(body: unknown): unknown {
  if (typeof body !== "string") return body;
  try {
    return JSON.parse(body);
  } catch {
    // Not PayPal's own error page: the status has to do.
    return null;
  }
}
