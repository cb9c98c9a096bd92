import * as z from "zod";
import { parseUsd } from "./money.ts";

/** Digits as people write them; "" and "1e3" and "0x10", which Number() takes, are none. */
const digits = /^-?\d+(?:\.\d+)?$/;

/** A number that came as text or, from a config file, as a number. Says in words what is wanted. */
function typedNumber(wanted: string, isWanted: (value: number) => boolean) {
  return z.union([z.string(), z.number()], { error: `must be ${wanted}` }).transform((given, context) => {
    const text = String(given).trim();
    const value = typeof given === "number" ? given : Number(text);
    if ((typeof given === "number" || digits.test(text)) && isWanted(value)) return value;
    context.addIssue({ code: "custom", message: `must be ${wanted}` });
    return z.NEVER;
  });
}

/** A whole number between the two, both included. */
export function wholeNumber(least: number, most: number) {
  const isWanted = (value: number) => Number.isInteger(value) && value >= least && value <= most;
  return typedNumber(`a whole number from ${least} to ${most}`, isWanted);
}

/** A number above zero, at most `most`. */
export function positiveNumber(most: number) {
  return typedNumber(`a number above 0, at most ${most}`, (value) => value > 0 && value <= most);
}

/** Any number between the two, both included. */
export function decimalNumber(least: number, most: number) {
  return typedNumber(`a number from ${least} to ${most}`, (value) => value >= least && value <= most);
}

export const portNumber = wholeNumber(0, 65_535);

/** Dollars, none or more. Throws `money_malformed` for what is no amount. */
export const typedUsd = z
  .string()
  .transform(parseUsd)
  .refine((amount) => amount >= 0n, "must not be negative");
