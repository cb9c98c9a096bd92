import { statSync } from "node:fs";
import SqliteDatabase from "better-sqlite3";
import { PeerError } from "../../src/errors.ts";

export type Connection = SqliteDatabase.Database;
/** Parameters and rows of a statement; integers come as bigint. */
export type Statement<Parameters extends unknown[], Row = unknown> = SqliteDatabase.Statement<Parameters, Row>;

/**
 * Every connection, statement and iterator there was. From Node 24.19 on, one of better-sqlite3 12 that is collected while the
 * process is idle aborts it ("RemoveEnvironmentCleanupHook: (env) != nullptr"), so none is ever collected: stores make
 * theirs once, an audit leaves a few kilobytes.
 */
const kept: unknown[] = [];

const busyTimeoutMs = 5_000;
const checkedBytesMax = 268_435_456;

/** The one connection that writes. Throws `storage_failed` for a damaged file. */
export function openWriter(path: string): Connection {
  const connection = keptFrom(new SqliteDatabase(path, { timeout: busyTimeoutMs }));
  try {
    connection.defaultSafeIntegers(true);
    connection.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    connection.exec("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF");
    // A file that may only be read is opened all the same: it is found out here.
    connection.exec("BEGIN IMMEDIATE; COMMIT");
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
  const answer = connection.prepare("PRAGMA quick_check(1)").pluck().get();
  if (answer === "ok") return;
  throw new PeerError("storage_failed", `The database "${path}" is damaged: ${String(answer)}.`, {
    hint: "Restore it from a backup; nothing was changed.",
  });
}

/**
 * Holds an SQLite file beside `path` locked until it is closed: unlike a file that names its holder's process, it is
 * seen from another container too. Throws `already_running` where it is held.
 */
export function lockBeside(path: string): Connection {
  const lock = keptFrom(new SqliteDatabase(`${path}.lock`, { timeout: 0 }));
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    if (!(error instanceof SqliteDatabase.SqliteError && error.code.startsWith("SQLITE_BUSY"))) throw error;
    throw new PeerError("already_running", `Another process has the database "${path}" open.`, {
      cause: error,
      hint: "Only one network runs on a home: stop the other, also where it runs in another container.",
    });
  }
}

/** A connection that can't write, with a snapshot of its own. */
export function openReader(path: string): Connection {
  const reader = keptFrom(new SqliteDatabase(path, { readonly: true, timeout: busyTimeoutMs }));
  reader.defaultSafeIntegers(true);
  return reader;
}

/** The connection, whose statements and their iterators are kept from now on; `pragma` is not for it, which makes one of its own. */
function keptFrom(connection: Connection): Connection {
  const { prepare } = connection;
  const prepareKept = (source: string) => {
    const statement = prepare.call(connection, source);
    const { iterate } = statement;
    const iterateKept = (...parameters: unknown[]) => {
      const rows: unknown = Reflect.apply(iterate, statement, parameters);
      kept.push(rows);
      return rows;
    };
    Object.defineProperty(statement, "iterate", { value: iterateKept });
    kept.push(statement);
    return statement;
  };
  Object.defineProperty(connection, "prepare", { value: prepareKept });
  kept.push(connection);
  return connection;
}
