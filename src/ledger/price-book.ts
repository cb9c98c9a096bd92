import { dayMs, type Millis } from "../clock.ts";
import type { BillingMode, PriceSheet } from "./pricing.ts";

/** The price sheets of a network, past, present and to come. */
export interface PriceBook {
  /** The sheet in force: the newest whose date has come. Throws `not_found` where there is none. */
  current(): Promise<PriceSheet>;
  /** Appends a version; its number is the next one. Throws `conflict` for a date before that of an earlier version. */
  add(sheet: Omit<PriceSheet, "version">): Promise<PriceSheet>;
  /** Oldest first. */
  list(): Promise<readonly PriceSheet[]>;
}

/** The sheet in force at `now`, or null where there is none. Before the first one's date, by a clock set back, it is the first. */
export function sheetAt(sheets: readonly PriceSheet[], now: Millis): PriceSheet | null {
  return sheets.findLast((sheet) => sheet.effectiveFrom <= now) ?? sheets[0] ?? null;
}

/** Until when a payment due at `due` may be late: as was said when it fell due, whatever was said since. */
export function graceUntil(sheets: readonly PriceSheet[], due: Millis): Millis {
  return due + (sheetAt(sheets, due)?.graceDays ?? 0) * dayMs;
}

/** Whether the network bills so now, or will by a sheet whose date has not come. */
export function billsBy(billing: BillingMode, sheets: readonly PriceSheet[], now: Millis): boolean {
  const inForce = sheetAt(sheets, now);
  return sheets.some((sheet) => sheet.billing === billing && (sheet === inForce || sheet.effectiveFrom > now));
}
