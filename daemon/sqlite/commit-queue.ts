import { PeerError } from "../../src/errors.ts";
import type { Connection, Statement } from "./connection.ts";
import { storageError } from "./sqlite-error.ts";

interface Pending {
  /** Does the work; what it gives back tells the caller, once the commit is done. */
  readonly run: () => () => void;
  readonly fail: (error: unknown) => void;
}

const pendingMax = 50_000;
/** At most half of the event loop's time is spent waiting for the disk, as long as the disk answers within this. */
const pauseMsMax = 20;

/**
 * Shares commits between writers: what is asked for in one turn of the event loop goes into one transaction, each piece
 * under a savepoint of its own, and every promise settles after the commit. Waiting for the disk stops the event loop,
 * so the slower the disk, the longer the pause before the next durable commit, and the more work shares it.
 */
export class CommitQueue {
  readonly #connection: Connection;
  readonly #begin: Statement<[]>;
  readonly #savepoint: Statement<[]>;
  readonly #keepPiece: Statement<[]>;
  readonly #undoPiece: Statement<[]>;
  readonly #durable: Pending[] = [];
  readonly #prompt: Pending[] = [];
  #isPromptScheduled = false;
  #durableTimer: NodeJS.Timeout | NodeJS.Immediate | null = null;
  #nextDurableAt = 0;
  #isSyncing = true;
  #isClosed = false;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#begin = connection.prepare("BEGIN IMMEDIATE");
    this.#savepoint = connection.prepare("SAVEPOINT piece");
    this.#keepPiece = connection.prepare("RELEASE piece");
    this.#undoPiece = connection.prepare("ROLLBACK TO piece");
  }

  add<T>(work: () => T, isDurable: boolean): Promise<T> {
    const queue = isDurable ? this.#durable : this.#prompt;
    if (this.#isClosed) return Promise.reject(new PeerError("storage_failed", "The database is closed."));
    if (queue.length >= pendingMax) {
      return Promise.reject(new PeerError("queue_full", `More than ${pendingMax} writes wait for the database.`));
    }
    return new Promise((resolve, reject) => {
      queue.push({ run: () => resolveLater(resolve, work()), fail: reject });
      if (isDurable) this.#scheduleDurable();
      else this.#schedulePrompt();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#flush([...this.#prompt.splice(0), ...this.#durable.splice(0)], true);
  }

  #schedulePrompt(): void {
    if (this.#isPromptScheduled) return;
    this.#isPromptScheduled = true;
    setImmediate(() => {
      this.#isPromptScheduled = false;
      this.#flush(this.#prompt.splice(0), false);
    });
  }

  #scheduleDurable(): void {
    if (this.#durableTimer !== null) return;
    const pauseMs = Math.min(pauseMsMax, this.#nextDurableAt - performance.now());
    const flush = () => {
      this.#durableTimer = null;
      this.#flush(this.#durable.splice(0), true);
    };
    this.#durableTimer = pauseMs > 1 ? setTimeout(flush, pauseMs) : setImmediate(flush);
  }

  #flush(batch: readonly Pending[], isDurable: boolean): void {
    if (batch.length === 0) return;
    const finish: (() => void)[] = [];
    try {
      this.#setSyncing(isDurable);
      this.#begin.run();
      for (const pending of batch) finish.push(this.#attempt(pending));
      this.#commit(isDurable);
    } catch (error) {
      if (this.#connection.inTransaction) this.#connection.exec("ROLLBACK");
      const failure = storageError("Nothing of this was written.", error);
      for (const pending of batch) pending.fail(failure);
      return;
    }
    for (const settle of finish) settle();
  }

  #attempt(pending: Pending): () => void {
    this.#savepoint.run();
    try {
      const succeed = pending.run();
      this.#keepPiece.run();
      return succeed;
    } catch (error) {
      if (!this.#connection.inTransaction) throw error;
      this.#undoPiece.run();
      this.#keepPiece.run();
      return () => pending.fail(storageError("This was not written.", error));
    }
  }

  #commit(isDurable: boolean): void {
    const startedAt = performance.now();
    this.#connection.exec("COMMIT");
    const endedAt = performance.now();
    if (isDurable) this.#nextDurableAt = endedAt + (endedAt - startedAt);
  }

  #setSyncing(isSyncing: boolean): void {
    if (isSyncing === this.#isSyncing) return;
    this.#connection.exec(`PRAGMA synchronous = ${isSyncing ? "FULL" : "NORMAL"}`);
    this.#isSyncing = isSyncing;
  }
}

function resolveLater<T>(resolve: (value: T) => void, value: T): () => void {
  return () => resolve(value);
}
