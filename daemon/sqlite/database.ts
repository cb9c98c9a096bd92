import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { CommitQueue } from "./commit-queue.ts";
import { type Connection, lockBeside, openReader, openWriter } from "./connection.ts";
import { migrate } from "./migrations.ts";
import { translated } from "./sqlite-error.ts";

/**
 * One SQLite file with one writer: this process, as a lock beside it says that the kernel drops with the process. Reads
 * run at once; writes go through `durably` or `promptly`, which share transactions. Opening throws `storage_failed` for a
 * file that is damaged or written by a newer PeerLLM, `already_running` where another process has it.
 */
export class Database {
  readonly connection: Connection;
  readonly #path: string;
  readonly #queue: CommitQueue;
  readonly #lock: Connection;

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#path = path;
    const failure = `The database "${path}" could not be opened.`;
    this.#lock = translated(failure, () => lockBeside(path));
    try {
      this.connection = translated(failure, () => openMigrated(path));
    } catch (error) {
      this.#lock.close();
      throw error;
    }
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
    return openReader(this.#path);
  }

  /** Commits what is queued and closes the file. */
  close(): void {
    if (!this.connection.open) return;
    this.#queue.close();
    this.connection.close();
    this.#lock.close();
  }
}

function openMigrated(path: string): Connection {
  const connection = openWriter(path);
  try {
    migrate(connection);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}
