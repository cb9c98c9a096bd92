import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { generateKeyPair, type KeyPair, keyPairFromPem } from "./key.ts";

/** The key kept in `file` (mode 0600), made on first use. Two processes that race for the first use end with one key. */
export function loadOrCreateKeyPair(file: string): KeyPair {
  const existing = readIfPresent(file);
  if (existing !== null) return keyPairFromPem(existing);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}.tmp`;
  const descriptor = openSync(temporary, "wx", 0o600);
  try {
    writeSync(descriptor, generateKeyPair().exportPem());
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  try {
    linkSync(temporary, file);
  } catch (error) {
    if (!isFileError(error, "EEXIST")) throw error;
  } finally {
    unlinkSync(temporary);
  }
  return keyPairFromPem(readFileSync(file, "utf8"));
}

function readIfPresent(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (isFileError(error, "ENOENT")) return null;
    throw error;
  }
}

function isFileError(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
