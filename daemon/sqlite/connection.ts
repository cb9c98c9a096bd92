import { statSync } from "node:fs";
import SqliteDatabase from "better-sqlite3";
import { PeerError } from "../../src/errors.ts";

export type Connection = SqliteDatabase.Database;
/** Parameters and rows of a statement; integers come as bigint. */
export type Statement<Parameters extends unknown[], Row = unknown> = SqliteDatabase.Statement<Parameters, Row>;

const busyTimeoutMs = 5_000;
const checkedBytesMax = 268_435_456;

/** The one connection that writes. Throws `storage_failed` for a damaged file. */
export function openWriter(path: string): Connection {
  const connection = new SqliteDatabase(path, { timeout: busyTimeoutMs });
  try {
    connection.defaultSafeIntegers(true);
    connection.pragma("journal_mode = WAL");
    connection.pragma("synchronous = FULL");
    connection.pragma("foreign_keys = ON");
    connection.pragma("trusted_schema = OFF");
    requireSound(connection, path);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Reads every page of a file that is quickly read; damage is refused here rather than in the middle of a payment. */
function requireSound(connection: Connection, path: string): void {
  if (statSync(path).size > checkedBytesMax) return;
  const answer = connection.pragma("quick_check(1)", { simple: true });
  if (answer === "ok") return;
  throw new PeerError("storage_failed", `The database "${path}" is damaged: ${String(answer)}.`, {
    hint: "Restore it from a backup; nothing was changed.",
  });
}

/** A connection that can't write, with a snapshot of its own. */
export function openReader(path: string): Connection {
  const reader = new SqliteDatabase(path, { readonly: true, timeout: busyTimeoutMs });
  reader.defaultSafeIntegers(true);
  return reader;
}
