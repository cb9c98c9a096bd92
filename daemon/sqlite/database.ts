import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import SqliteDatabase from "better-sqlite3";
import { PeerError } from "../../src/errors.ts";
import { CommitQueue } from "./commit-queue.ts";
import { migrate } from "./migrations.ts";
import { translated } from "./sqlite-error.ts";

export type Connection = SqliteDatabase.Database;
/** Parameters and rows of a statement; integers come as bigint. */
export type Statement<Parameters extends unknown[], Row = unknown> = SqliteDatabase.Statement<Parameters, Row>;

const busyTimeoutMs = 5_000;
const checkedBytesMax = 268_435_456;

/**
 * One SQLite file with one writer: this process. Reads run at once; writes go through `durably` or `promptly`, which
 * share transactions. Opening throws `storage_failed` for a file that is damaged or written by a newer PeerLLM.
 */
export class Database {
  readonly connection: Connection;
  readonly #path: string;
  readonly #queue: CommitQueue;

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#path = path;
    this.connection = translated(`The database "${path}" could not be opened.`, () => openConnection(path));
    this.#queue = new CommitQueue(this.connection);
  }

  /** Resolves once `work` is on disk: it survives a power cut. `work` is synchronous; its failure undoes it alone. */
  durably<T>(work: () => T): Promise<T> {
    return this.#queue.add(work, true);
  }

  /** Resolves once `work` is committed: it survives a crash of this process, not a power cut. */
  promptly<T>(work: () => T): Promise<T> {
    return this.#queue.add(work, false);
  }

  /** A second connection with its own snapshot, for long reads. The caller closes it. */
  openReader(): Connection {
    const reader = new SqliteDatabase(this.#path, { readonly: true, timeout: busyTimeoutMs });
    reader.defaultSafeIntegers(true);
    return reader;
  }

  /** Commits what is queued and closes the file. */
  close(): void {
    if (!this.connection.open) return;
    this.#queue.close();
    this.connection.close();
  }
}

function openConnection(path: string): Connection {
  const connection = new SqliteDatabase(path, { timeout: busyTimeoutMs });
  try {
    connection.defaultSafeIntegers(true);
    connection.pragma("journal_mode = WAL");
    connection.pragma("synchronous = FULL");
    connection.pragma("foreign_keys = ON");
    connection.pragma("trusted_schema = OFF");
    requireSound(connection, path);
    migrate(connection);
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
