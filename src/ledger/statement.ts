import type { Millis } from "../clock.ts";
import { PeerError } from "../errors.ts";
import { addUsd, formatUsd, type NanoUsd, zeroUsd } from "../money.ts";
import type { Entry } from "./books.ts";

/** A line of a month of an account's books. Holds come and go within a request and are left out, but for what they kept. */
export interface StatementLine {
  readonly at: Millis;
  readonly kind: Entry["kind"];
  readonly account: Entry["account"]["kind"];
  readonly amount: NanoUsd;
  readonly transferId: Entry["transferId"];
  readonly reference: string | null;
}

/** First instant of a month and of the next, in UTC. Throws `usage_invalid` unless `month` is like "2026-11". */
export function monthRange(month: string): { from: Millis; until: Millis } {
  const match = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(month);
  if (match === null)
    throw new PeerError("usage_invalid", `Not a month: "${month.slice(0, 32)}". Write it like 2026-11.`);
  const [year, index] = [Number(match[1]), Number(match[2])];
  return { from: Date.UTC(year, index - 1, 1), until: Date.UTC(year, index, 1) };
}

/**
 * Lines of a month's entries, oldest first, in whole transfers. What a consumer pays for a request shows as one line:
 * what its hold took and did not give back.
 */
export function statementLines(entries: readonly Entry[]): readonly StatementLine[] {
  return mergeLines(entries.flatMap(statementLine));
}

/** RFC 4180, one row per line, amounts in exact decimal dollars. */
export function statementCsv(lines: readonly StatementLine[]): string {
  const rows = lines.map(({ at, kind, account, amount, transferId, reference }) =>
    [new Date(at).toISOString(), kind, account, formatUsd(amount), transferId, reference ?? ""].map(csvField).join(","),
  );
  return ["time,kind,account,amount_usd,transfer,reference", ...rows, ""].join("\r\n");
}

/** Credit spendable or held counts as the consumer's until a settlement takes it. */
function statementLine(entry: Entry): StatementLine[] {
  const { at, kind, amount, transferId, reference } = entry;
  const account = entry.account.kind === "holds" ? "consumer-credit" : entry.account.kind;
  return kind === "hold" || kind === "release" ? [] : [{ at, kind, account, amount, transferId, reference }];
}

/** One line for one transfer and account: of a settlement, what was held less what came back. */
function mergeLines(lines: readonly StatementLine[]): StatementLine[] {
  const merged = new Map<string, StatementLine>();
  for (const line of lines) {
    const key = `${line.transferId} ${line.account}`;
    merged.set(key, { ...line, amount: addUsd(line.amount, merged.get(key)?.amount ?? zeroUsd) });
  }
  return [...merged.values()].filter((line) => line.amount !== 0n);
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
