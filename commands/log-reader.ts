import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../src/clock.ts";
import { PeerError } from "../src/errors.ts";
import { ifThere } from "../src/if-there.ts";
import { oneLine } from "../src/plain-text.ts";
import type { RoleName } from "../src/protocol/control.ts";
import type { Session } from "./session.ts";

const lookMs = 250;
const chunkBytes = 64 * 1024;

/**
 * Prints the last lines of a role's log and, with `follow`, those that are added, also after a rotation. Without it,
 * --json prints one document, `{"lines":[…]}`.
 */
export async function followLog(
  session: Session,
  role: RoleName,
  options: { readonly follow: boolean; readonly lines: number },
): Promise<void> {
  const path = join(session.home.logsDirectory, `${role}.log`);
  const size = await sizeOf(path);
  if (size === null && !options.follow) {
    throw new PeerError("file_missing", `There is no log at "${path}": no ${role} has run in this home.`);
  }
  const tail = lastLines(await readRange(path, 0, size ?? 0), options.lines);
  if (!options.follow) {
    session.printer.result({ lines: tail.map(parseLine) }, () => tail.map(formatLine).join("\n"));
    return;
  }
  for (const line of tail) printLine(session, line);
  let offset = size ?? 0;
  let rest = "";
  while (!session.signal.aborted) {
    const now = (await sizeOf(path)) ?? 0;
    if (now < offset) offset = 0;
    if (now > offset) {
      const lines = (rest + (await readRange(path, offset, now))).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) printLine(session, line);
      offset = now;
    }
    await systemClock.sleep(lookMs, session.signal).catch(() => {});
  }
}

async function sizeOf(path: string): Promise<number | null> {
  return (await ifThere(stat(path)))?.size ?? null;
}

async function readRange(path: string, from: number, to: number): Promise<string> {
  if (to <= from) return "";
  const file = await open(path);
  try {
    const chunks: Uint8Array[] = [];
    for (let offset = from; offset < to; ) {
      const chunk = new Uint8Array(Math.min(chunkBytes, to - offset));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, offset);
      if (bytesRead === 0) break;
      chunks.push(chunk.subarray(0, bytesRead));
      offset += bytesRead;
    }
    return Buffer.concat(chunks).toString("utf8");
  } finally {
    await file.close();
  }
}

function lastLines(text: string, count: number): string[] {
  const lines = text.split("\n").filter((line) => line !== "");
  return count === 0 ? [] : lines.slice(-count);
}

function printLine(session: Session, line: string): void {
  if (line !== "") session.printer.line(parseLine(line), () => formatLine(line));
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // A line cut by a crash is shown as it is.
    return { line };
  }
}

/** `2026-11-22T16:00:00.000Z info  daemon-ready role=network elapsedMs=12`. */
function formatLine(line: string): string {
  const parsed = parseLine(line);
  if (typeof parsed !== "object" || parsed === null || !("event" in parsed)) return oneLine(line);
  const { time, level, event, ...fields } = Object.fromEntries(Object.entries(parsed));
  const words = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return oneLine(`${String(time)} ${String(level).padEnd(5)} ${String(event)} ${words.join(" ")}`);
}
