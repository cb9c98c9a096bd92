import { mkdirSync } from "node:fs";
import { basename, dirname } from "node:path";
import { type LevelWithSilent, pino } from "pino";
import { createStream, type RotatingFileStream } from "rotating-file-stream";
import { isPeerError, PeerError, systemFailure } from "./errors.ts";

export type LogFields = Readonly<Record<string, unknown>>;

/** One JSON line per event. `event` is a constant ("subtask-settled"); all that varies goes in `fields`, units in keys. */
export interface Log {
  error(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  debug(event: string, fields?: LogFields): void;
}

export const logLevels = ["silent", "error", "warn", "info", "debug"] as const satisfies readonly LevelWithSilent[];
export type LogLevel = (typeof logLevels)[number];

/** A log and what keeps it open. */
export interface OpenLog extends Log {
  /** From here on, lines go to standard error too. */
  echo(): void;
  close(): Promise<void>;
}

/** Logs nothing. */
export const silentLog: Log = { error() {}, warn() {}, info() {}, debug() {} };

/** How large a log file grows before it is rotated, and how many rotated ones stay. */
export const logFileMegabytesMax = 10;
export const logFilesMax = 5;
const backlogBytesMax = 16 * 1024 * 1024;
/** How long a log file that can't be written is left alone. */
const reopenMs = 5_000;

/**
 * Logs to `file` (rotated, mode 0600, its folder made). Whatever is handed in, fields that could carry a prompt, an
 * answer, a key or an e-mail address are written as "[redacted]".
 */
export function openLog(options: { file: string; level: LogLevel }): OpenLog {
  mkdirSync(dirname(options.file), { recursive: true, mode: 0o700 });
  const file = new LogFile(options.file, (lostLines) => log.warn("log-resumed", { lostLines }));
  let isEchoed = false;
  const lines = {
    write(line: string) {
      file.write(line);
      if (isEchoed) process.stderr.write(line);
    },
  };
  const log = pinoLog(options.level, lines);
  return {
    ...log,
    echo() {
      isEchoed = true;
      // Nor must a terminal that was closed: what it would have shown is in the file.
      process.stderr.on("error", () => {
        isEchoed = false;
      });
    },
    close: () => file.close(),
  };
}

/**
 * A rotated file of lines. A full disk must not take the daemon down with it, nor end the log for good: lines are lost
 * while it lasts, which is said on standard error, and the file is opened again every few seconds.
 */
class LogFile {
  readonly #path: string;
  readonly #resumed: (lostLines: number) => void;
  #stream: RotatingFileStream;
  #failedAt: number | null = null;
  #lostLines = 0;
  #isToldLost = false;

  constructor(path: string, resumed: (lostLines: number) => void) {
    this.#path = path;
    this.#resumed = resumed;
    this.#stream = this.#open();
  }

  write(line: string): void {
    if (this.#failedAt !== null && performance.now() - this.#failedAt >= reopenMs) this.#reopen();
    // Lines that come faster than the disk takes them are lost rather than kept in memory without end.
    if (this.#failedAt !== null || this.#stream.writableLength >= backlogBytesMax) this.#lostLines += 1;
    else {
      this.#stream.write(line, (error) => {
        if (error) this.#lostLines += 1;
      });
    }
  }

  /** The last line before may be half there: a new one is begun, and what was lost is told once that is written. */
  #reopen(): void {
    this.#failedAt = null;
    this.#stream = this.#open();
    this.#stream.write("\n", (error) => {
      if (error) return;
      const lostLines = this.#lostLines;
      this.#lostLines = 0;
      this.#isToldLost = false;
      this.#resumed(lostLines);
    });
  }

  close(): Promise<void> {
    if (this.#failedAt !== null) return Promise.resolve();
    return new Promise((resolve) => this.#stream.end(() => resolve()));
  }

  #open(): RotatingFileStream {
    const stream = createStream(rotatedName(basename(this.#path)), {
      path: dirname(this.#path),
      size: `${logFileMegabytesMax}M`,
      rotate: logFilesMax,
      mode: 0o600,
    });
    stream.on("error", (error) => {
      this.#failedAt = performance.now();
      if (this.#isToldLost) return;
      this.#isToldLost = true;
      const reason = systemFailure(error, this.#path)?.message ?? error.message;
      process.stderr.write(`Nothing is logged for now. ${reason}\n`);
    });
    return stream;
  }
}

/** A log whose lines go to `lines`. */
export function pinoLog(level: LogLevel, lines: { write(line: string): void }): Log {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    lines,
  );
  const at =
    (name: "error" | "warn" | "info" | "debug") =>
    (event: string, fields: LogFields = {}) => {
      if (logger.isLevelEnabled(name)) logger[name]({ event, ...redactFields(fields) });
    };
  return { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
}

/** Reads a level as a person writes it, from PEERLLM_LOG_LEVEL. Throws `config_invalid`. */
export function parseLogLevel(text: string | undefined): LogLevel {
  if (text === undefined || text === "") return "info";
  const level = logLevels.find((candidate) => candidate === text.toLowerCase());
  if (level === undefined) {
    throw new PeerError(
      "config_invalid",
      `Not a log level: "${text.slice(0, 32)}". Use one of ${logLevels.join(", ")}.`,
    );
  }
  return level;
}

const redacted = "[redacted]";

/** Keys that name content or secrets, in any case and with any prefix; counts and times of them ("promptTokens") pass. */
const secretKey =
  /(prompt|prompts|messages?|content|text|answer|completion|output|input|delta|vault|entity|entities|original|api_?key|secret|password|passphrase|authorization|cookie|credential|credentials|private_?key|e-?mail|invite|phone|body|bearer|token)s?$/i;

/** Secrets and addresses by their looks, wherever they stand in a string. */
const secretValues = [
  /sk-[\w-]{8,}/g,
  /Bearer\s+\S+/gi,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /invite-[\w-]{8,}/g,
] as const;

/** Tried only where there is an "@": on long words without one it would take their length squared. */
const emailAddress = /[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/g;

const stringLengthMax = 512;
const itemsMax = 64;
const depthMax = 4;

export function redactFields(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, secretKey.test(key) ? redactNamed(value) : redact(value, 0)]),
  );
}

/** Under a key that names a secret, only what can't carry one stays: counts, flags, absence. */
function redactNamed(value: unknown): unknown {
  return typeof value === "number" || typeof value === "boolean" || value === null || value === undefined
    ? value
    : redacted;
}

function redact(value: unknown, depth: number): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return typeof value === "function" ? undefined : value;
  if (depth >= depthMax) return "[deep]";
  if (value instanceof Error) return describeError(value, depth);
  if (Array.isArray(value)) return value.slice(0, itemsMax).map((item) => redact(item, depth + 1));
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, itemsMax)
      .map(([key, item]) => [key, secretKey.test(key) ? redactNamed(item) : redact(item, depth + 1)]),
  );
}

function redactText(text: string): string {
  // Cut first, so that a long string costs no more, but late enough that no address loses its end at the cut.
  const start = text.slice(0, stringLengthMax + 256);
  const withoutAddress = start.includes("@") ? start.replace(emailAddress, redacted) : start;
  const clean = secretValues.reduce((rest, pattern) => rest.replace(pattern, redacted), withoutAddress);
  return clean.length > stringLengthMax ? `${clean.slice(0, stringLengthMax)}…` : clean;
}

/**
 * Our own errors speak for themselves. Of others' only the name, the system's code and the frames are kept: their
 * messages quote what they choked on (JSON.parse quotes the text), which may be a prompt.
 */
function describeError(error: Error, depth: number): Record<string, unknown> {
  const systemCode = "code" in error && typeof error.code === "string" ? error.code : undefined;
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return {
    name: error.name,
    ...(isPeerError(error)
      ? { code: error.code, reason: redactText(error.message) }
      : { code: systemCode, stack: frames.slice(0, 12).join("\n") }),
    ...(error.cause === undefined ? {} : { cause: redact(error.cause, depth + 1) }),
  };
}

/** host.log, then host.1.log (the newest rotated) to host.5.log. */
function rotatedName(name: string): (rotation: number | Date) => string {
  const stem = name.replace(/\.log$/, "");
  return (rotation) => (typeof rotation === "number" ? `${stem}.${rotation}.log` : name);
}
