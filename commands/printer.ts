import { type Clock, systemClock } from "../src/clock.ts";
import { oneLine, plainJson, plainText } from "../src/plain-text.ts";
import type { StartProgress } from "../src/protocol/control.ts";
import { createEstimate } from "./estimate.ts";
import { formatFacts, formatTable } from "./table.ts";

/**
 * Where a command's words go. Data goes to standard output: one JSON document with --json, text otherwise. All else,
 * progress included, goes to standard error, and progress only where that is a terminal. Nothing that is said here
 * rules a terminal, whoever wrote it: hosts and networks do.
 */
export interface Printer {
  readonly isJson: boolean;
  /** Columns to fill. */
  readonly width: number;
  /** Whether the command's one result is out. */
  readonly hasResult: boolean;
  /** Whether all that was said so far was taken: there is a reader, and room. */
  isTaken(): Promise<boolean>;
  /** The command's one result. */
  result(document: unknown, text: () => string): void;
  /** One line of a stream of them: a JSON document, or text. */
  line(document: unknown, text: () => string): void;
  /** Raw text of an answer, as it comes. Nothing with --json. */
  write(text: string): void;
  /** A remark for people. Nothing with --json. */
  note(text: string): void;
  table(headers: readonly string[], rows: readonly (readonly string[])[]): string;
  facts(facts: readonly (readonly [string, string])[]): string;
  /** Says what is waited for, until `end`. */
  progress(): Progress;
}

export interface Progress {
  update(progress: StartProgress): void;
  end(): void;
}

const spinnerFrames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"] as const;
const spinnerMs = 100;

export function createPrinter(isJson: boolean): Printer {
  const width = Math.max(40, process.stdout.columns ?? process.stderr.columns ?? 80);
  let hasResult = false;
  return {
    isJson,
    width,
    get hasResult() {
      return hasResult;
    },
    result: (document, text) => {
      say(process.stdout, isJson ? plainJson(document) : plainText(text()));
      hasResult = true;
    },
    isTaken: () => new Promise((resolve) => process.stdout.write("", (error) => resolve(error == null))),
    line: (document, text) => say(process.stdout, isJson ? plainJson(document) : plainText(text())),
    write: (text) => {
      if (!isJson) process.stdout.write(plainText(text));
    },
    note: (text) => {
      if (!isJson) say(process.stderr, plainText(text));
    },
    table: (headers, rows) => formatTable(headers, rows, width),
    facts: formatFacts,
    progress: () => (isJson ? unseen : createProgress(process.stderr, systemClock)),
  };
}

function say(stream: NodeJS.WriteStream, text: string): void {
  stream.write(text === "" || text.endsWith("\n") ? text : `${text}\n`);
}

const unseen: Progress = { update() {}, end() {} };

/** Drawn on `terminal` ten times a second; nowhere where it is none. */
export function createProgress(
  terminal: Pick<NodeJS.WriteStream, "isTTY" | "columns"> & { write(text: string): unknown },
  clock: Clock,
): Progress {
  if (terminal.isTTY !== true) return unseen;
  let latest: StartProgress | undefined;
  let estimate = createEstimate(clock);
  let frame = 0;
  const draw = () => {
    if (latest === undefined) return;
    frame += 1;
    const columns = terminal.columns ?? 80;
    const text = `${spinnerFrames[frame % spinnerFrames.length]} ${describeProgress(latest, estimate.secondsLeft(latest.total ?? 0))}`;
    terminal.write(`\r\x1b[2K${text.slice(0, columns - 1)}`);
  };
  const timer = setInterval(draw, spinnerMs);
  timer.unref();
  return {
    update(progress) {
      const isNew = latest?.step !== progress.step;
      if (isNew) estimate = createEstimate(clock);
      latest = progress;
      if (progress.done !== undefined) estimate.add(progress.done);
      if (isNew) draw();
    },
    end() {
      clearInterval(timer);
      if (latest !== undefined) terminal.write("\r\x1b[2K");
    },
  };
}

/** "Fetching acme/tiny:1.2.0 · 3.1 MB of 4.6 MB, 67%, 12 s left". */
export function describeProgress(progress: StartProgress, secondsLeft?: number): string {
  const { done, total } = progress;
  const step = oneLine(progress.step);
  if (done === undefined) return step;
  if (total === undefined || total === 0) return `${step} · ${formatBytes(done)}`;
  const left = secondsLeft === undefined || done >= total ? "" : `, ${formatDuration(secondsLeft * 1_000)} left`;
  return `${step} · ${formatBytes(done)} of ${formatBytes(total)}, ${Math.floor((100 * done) / total)}%${left}`;
}

const byteUnits = ["B", "KB", "MB", "GB", "TB"] as const;

/** In powers of 1,000, as disks are sold. */
export function formatBytes(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  while (amount >= 999.95 && unit < byteUnits.length - 1) {
    amount /= 1_000;
    unit += 1;
  }
  return `${unit === 0 ? amount : amount.toFixed(1)} ${byteUnits[unit]}`;
}

/** "2 d 3 h", "4 min 10 s", "0 s". */
export function formatDuration(durationMs: number): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1_000));
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor((seconds % 86_400) / 3_600), "h"],
    [Math.floor((seconds % 3_600) / 60), "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  if (first === -1) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(" ");
}
