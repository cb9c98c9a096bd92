import { lstat, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Lock } from "../src/client/lock.ts";
import { ownIdentity } from "../src/client/process-identity.ts";
import { type EndRecord, endRecordPath, runRecordPath, socketPath } from "../src/client/run-record.ts";
import { type Clock, systemClock } from "../src/clock.ts";
import { errorTable, isPeerError, PeerError } from "../src/errors.ts";
import { type Log, type OpenLog, openLog, parseLogLevel } from "../src/log.ts";
import { type Home, homeAt, packageVersion } from "../src/paths.ts";
import { writePrivateFile } from "../src/private-file.ts";
import { errorDocument, type RoleName, type StartProgress } from "../src/protocol/control.ts";
import { controlMethods } from "../src/protocol/control-methods.ts";
import { timeLimit } from "../src/time-limit.ts";
import { type ControlHandler, type ControlServer, serveControl } from "./control/server.ts";
import { acquireLock } from "./lock.ts";
import { openStarter, type Starter } from "./starter.ts";

/** A long-running role as its starter hands it over. */
export interface RunningRole {
  /** What the CLI prints once it serves (JSON). */
  readonly ready: Readonly<Record<string, unknown>>;
  /**
   * Control methods, by name, answering CLI commands over the unix socket. Params were checked by the method's schema
   * of src/protocol/control-methods.ts; results are JSON; an async iterable result streams.
   */
  readonly control: Readonly<Record<string, ControlHandler>>;
  /** Finishes what runs, refuses what is new; bounded by the caller through the signal. */
  drain(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface RoleContext {
  readonly home: Home;
  readonly log: Log;
  readonly clock: Clock;
  /** Aborts once shutdown was asked for. */
  readonly signal: AbortSignal;
  /** Shuts down for what the role can't go on after: it is told to whoever waits, kept for those who ask, and logged. */
  fail(failure: PeerError): void;
  /** Tells the command that waits for this start how far it is. Nothing happens once the role serves. */
  reportProgress(progress: StartProgress): void;
}

/** `options` is the command's JSON, to be read with the role's schema of src/protocol/start.ts. */
export type StartRole = (options: unknown, context: RoleContext) => Promise<RunningRole>;

/** How long a drain may take before what still runs is cut. */
const drainMsMax = 30_000;
/** How long closing may take, after a drain or a failure, before the process ends all the same. */
const closeMsMax = 10_000;

/** Runs a role as this process: returns never, the process ends with the role. */
export async function runDaemon(role: RoleName, start: StartRole): Promise<void> {
  process.umask(0o077);
  process.title = `peerllm ${role}`;
  const starter = await openStarter(process.stdin);
  const daemon = new Daemon(role, starter);
  process.exitCode = await daemon.run(start);
  starter.close();
  // Whatever a role forgot to close must not keep a daemon that says it is gone.
  process.exit();
}

/** One run of a role, from its lock to its release. */
class Daemon {
  readonly #role: RoleName;
  readonly #starter: Starter;
  readonly #home: Home;
  readonly #startedAt = systemClock.now();
  readonly #shutdown = new AbortController();
  /** Aborts when even the drain has to end. */
  readonly #cut = new AbortController();
  #exitCode = 0;
  /** Why it ends, where nobody told it to. */
  #failure: unknown;

  constructor(role: RoleName, starter: Starter) {
    this.#role = role;
    this.#starter = starter;
    this.#home = homeAt(starter.document.home);
  }

  async run(start: StartRole): Promise<number> {
    let lock: Lock | undefined;
    let log: OpenLog | undefined;
    try {
      lock = await acquireLock(this.#home, this.#role, this.#startedAt);
      await rm(endRecordPath(this.#home, this.#role), { force: true });
      log = openLog({
        file: join(this.#home.logsDirectory, `${this.#role}.log`),
        level: parseLogLevel(process.env.PEERLLM_LOG_LEVEL),
      });
      this.#watchProcess(log);
      await this.#serve(start, log);
    } catch (error) {
      log?.error("daemon-failed", { role: this.#role, error });
      this.#failure ??= error;
      this.#exitCode ||= 1;
    }
    try {
      if (this.#failure !== undefined) await this.#tellFailure(this.#failure, lock !== undefined);
    } finally {
      await log?.close();
      await lock?.release();
    }
    return this.#exitCode;
  }

  /** To the command that waits, and, where this was the daemon of its role, to those that ask later. */
  async #tellFailure(failure: unknown, hadRole: boolean): Promise<void> {
    await this.#starter.reportFailure(failure);
    if (!hadRole || isPeerError(failure, "cancelled")) return;
    const record: EndRecord = { endedAt: systemClock.now(), error: errorDocument(failure) };
    await writePrivateFile(endRecordPath(this.#home, this.#role), JSON.stringify(record));
  }

  async #serve(start: StartRole, log: OpenLog): Promise<void> {
    log.info("daemon-starting", { role: this.#role, pid: process.pid, version: packageVersion() });
    const role = await start(this.#starter.document.options, {
      home: this.#home,
      log,
      clock: systemClock,
      signal: this.#shutdown.signal,
      fail: (failure) => {
        log.error("role-failed", { role: this.#role, error: failure });
        this.#failure ??= failure;
        this.#exitCode = errorTable[failure.code].exitCode;
        this.#requestShutdown("role-failed", log);
      },
      reportProgress: (progress) => this.#starter.reportProgress(progress),
    });
    const socket = socketPath(this.#home, this.#role);
    const record = runRecordPath(this.#home, this.#role);
    let control: ControlServer | undefined;
    try {
      this.#shutdown.signal.throwIfAborted();
      control = await this.#openControl(socket, role, log);
      await writePrivateFile(record, JSON.stringify(this.#runRecord(socket, role)));
      await this.#starter.reportReady(role.ready);
      // Until now its command says how it goes, and what went wrong.
      if (this.#starter.document.isEchoed) log.echo();
      log.info("daemon-ready", { role: this.#role, elapsedMs: systemClock.now() - this.#startedAt });
      await aborted(this.#shutdown.signal);
      log.info("daemon-draining", { role: this.#role });
      await this.#drain(role, log);
    } finally {
      await rm(record, { force: true });
      await control?.close();
      await bounded(role.close(), closeMsMax, log);
      await rm(socket, { force: true });
      log.info("daemon-closed", { role: this.#role });
    }
  }

  /** The role's lock is ours, so a socket that lies there is a dead process's. */
  async #openControl(socket: string, role: RunningRole, log: Log): Promise<ControlServer> {
    await makePrivateFolder(dirname(socket));
    await rm(socket, { force: true });
    const handlers = { ...role.control, ...this.#frameHandlers(log) };
    return serveControl({ path: socket, handlers, schemas: controlMethods[this.#role], log });
  }

  #frameHandlers(log: Log): Record<string, ControlHandler> {
    return {
      ping: async () => ({
        pid: process.pid,
        role: this.#role,
        version: packageVersion(),
        startedAt: this.#startedAt,
      }),
      shutdown: async (params) => {
        const isImmediate =
          typeof params === "object" && params !== null && "isImmediate" in params && params.isImmediate;
        // The answer leaves first: closing takes the control socket with it.
        setImmediate(() => {
          this.#requestShutdown("command", log);
          if (isImmediate === true) this.#cut.abort(new PeerError("cancelled", "The daemon was told to stop now."));
        });
        return { pid: process.pid };
      },
    };
  }

  #runRecord(socket: string, role: RunningRole) {
    return {
      role: this.#role,
      ...ownIdentity(this.#startedAt),
      version: packageVersion(),
      socket,
      ready: role.ready,
    };
  }

  async #drain(role: RunningRole, log: Log): Promise<void> {
    const signal = AbortSignal.any([this.#cut.signal, timeLimit(drainMsMax)]);
    if (signal.aborted) return;
    try {
      await Promise.race([role.drain(signal), aborted(signal)]);
    } catch (error) {
      if (!signal.aborted) log.error("drain-failed", { role: this.#role, error });
    }
  }

  #requestShutdown(reason: string, log: Log): void {
    if (this.#shutdown.signal.aborted) return;
    log.info("daemon-stopping", { role: this.#role, reason });
    this.#shutdown.abort(new PeerError("cancelled", `The ${this.#role} daemon is shutting down (${reason}).`));
  }

  #watchProcess(log: Log): void {
    // Who asks again while it drains doesn't want to wait; a command that is gone by then has nobody waiting.
    const stop = (reason: string) => {
      if (this.#shutdown.signal.aborted) {
        this.#cut.abort(new PeerError("cancelled", "The daemon was told twice to stop."));
      }
      this.#requestShutdown(reason, log);
    };
    const onSignal = (name: NodeJS.Signals) => stop(name);
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
    // In the background there is no terminal whose end could mean us.
    process.on("SIGHUP", (name) => this.#starter.document.isAttached && onSignal(name));
    this.#starter.onAbandoned(() => stop("starter-gone"));
    const onFatal = (event: string) => (error: unknown) => {
      log.error(event, { role: this.#role, error });
      this.#failure ??= error;
      this.#exitCode = 1;
      this.#cut.abort(new PeerError("unexpected", "The daemon failed."));
      this.#requestShutdown(event, log);
      setTimeout(() => process.exit(1), closeMsMax).unref();
    };
    process.on("uncaughtException", onFatal("exception-uncaught"));
    process.on("unhandledRejection", onFatal("rejection-unhandled"));
  }
}

/** Outside the home, where anybody may make folders, it could be somebody else's. Throws `permission_denied`. */
async function makePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const { uid, mode } = await lstat(path);
  const isOurs = process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
  if (isOurs) return;
  throw new PeerError(
    "permission_denied",
    `The control socket's folder "${path}" belongs to others or is open to them.`,
    {
      hint: "Remove it, or use a home, or a TMPDIR, with a shorter path.",
    },
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

async function bounded(work: Promise<void>, msMax: number, log: Log): Promise<void> {
  const limit = timeLimit(msMax);
  try {
    await Promise.race([work, aborted(limit)]);
    if (limit.aborted) log.warn("close-unfinished", { msMax });
  } catch (error) {
    if (!isPeerError(error, "cancelled")) log.error("close-failed", { error });
  }
}
