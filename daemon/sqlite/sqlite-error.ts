import SqliteDatabase from "better-sqlite3";
import { isPeerError, PeerError } from "../../src/errors.ts";

const hints: Readonly<Record<string, string>> = {
  SQLITE_FULL: "The disk is full: free some space; nothing was half written.",
  SQLITE_CORRUPT: "The file is damaged: restore it from a backup.",
  SQLITE_NOTADB: "The file is not a database, or is damaged: restore it from a backup.",
  SQLITE_BUSY: "Another process is writing it: only one network may run on a home.",
  SQLITE_READONLY: "The file may not be written: check its owner and mode.",
  SQLITE_CANTOPEN: "Check that its folder exists and may be written.",
};

/** Runs `work`; what SQLite throws becomes `storage_failed` with `what` as its first sentence. */
export function translated<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw storageError(what, error);
  }
}

export function storageError(what: string, error: unknown): unknown {
  if (isPeerError(error) || !(error instanceof SqliteDatabase.SqliteError)) return error;
  const hint = hints[error.code] ?? hints[error.code.split("_").slice(0, 2).join("_")];
  return new PeerError("storage_failed", `${what} SQLite says ${error.code}: ${error.message}.`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Whether a CHECK, UNIQUE or other constraint of the schema refused a row. */
export function isConstraintError(error: unknown, kind: "CHECK" | "UNIQUE" | "FOREIGNKEY"): boolean {
  return error instanceof SqliteDatabase.SqliteError && error.code === `SQLITE_CONSTRAINT_${kind}`;
}
