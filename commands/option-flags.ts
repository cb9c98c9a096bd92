import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type * as z from "zod";
import type { Config } from "../src/config.ts";

/**
 * A command's options as flags, without those that are the schema's default or come from the config file (as `group.option`)
 * anyway. Of `paths` a relative one is made absolute: whoever runs the command runs it elsewhere.
 */
export function optionFlags<Options extends z.ZodType<Readonly<Record<string, unknown>>>>(
  options: z.output<Options>,
  from: {
    readonly schema: Options;
    readonly group: string;
    readonly paths: readonly string[];
    readonly config: Config;
  },
): string[] {
  const defaults = new Map<string, unknown>(Object.entries(from.schema.parse({})));
  const stored = new Map<string, unknown>(Object.entries(from.config.list()));
  return Object.entries(options).flatMap(([name, value]) => {
    const words = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const flag = value === false ? `--no-${words}` : `--${words}`;
    if (isSame(value, defaults.get(name)) || isSame(value, stored.get(`${from.group}.${name}`))) return [];
    const word = (text: unknown) => (from.paths.includes(name) ? absoluteIfFile(String(text)) : String(text));
    if (Array.isArray(value)) return value.flatMap((each) => [flag, word(each)]);
    return typeof value === "boolean" ? [flag] : [flag, word(value)];
  });
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** A file by its absolute path; what names no file here, or is a source elsewhere, as it is. */
export function absoluteIfFile(reference: string): string {
  return !/^(hf|https?):/.test(reference) && existsSync(reference) ? resolve(reference) : reference;
}
