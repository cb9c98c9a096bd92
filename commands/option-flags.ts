import { existsSync } from "node:fs";
import { resolve } from "node:path";

/**
 * The options a command was given, as flags. Of `paths` a relative one is made absolute: whoever runs the command runs it
 * elsewhere.
 */
export function optionFlags(given: Readonly<Record<string, unknown>>, paths: readonly string[] = []): string[] {
  return Object.entries(given).flatMap(([name, value]) => {
    const words = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const flag = value === false ? `--no-${words}` : `--${words}`;
    const word = (text: unknown) => (paths.includes(name) ? absoluteIfFile(String(text)) : String(text));
    if (Array.isArray(value)) return value.flatMap((each) => [flag, word(each)]);
    return typeof value === "boolean" ? [flag] : [flag, word(value)];
  });
}

/** A file by its absolute path; what names no file here, or is a source elsewhere, as it is. */
export function absoluteIfFile(reference: string): string {
  return !/^(hf|https?):/.test(reference) && existsSync(reference) ? resolve(reference) : reference;
}
