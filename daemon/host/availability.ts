import type { Clock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";

const minutesPerDay = 1_440;

/** A stretch of the day in local time, in minutes since midnight; it may pass midnight. */
interface Window {
  readonly from: number;
  readonly until: number;
}

/** When a host gives its machine: always, but while paused or outside its schedule. */
export class Availability {
  readonly #clock: Clock;
  #schedule: string | null = null;
  #windows: readonly Window[] = [];
  #pausedUntil: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get schedule(): string | null {
    return this.#schedule;
  }

  /** Milliseconds since the epoch; infinity until resumed; null while not paused. */
  get pausedUntil(): number | null {
    return this.#pausedUntil !== null && this.#pausedUntil > this.#clock.now() ? this.#pausedUntil : null;
  }

  get isOpen(): boolean {
    if (this.pausedUntil !== null) return false;
    if (this.#windows.length === 0) return true;
    const now = new Date(this.#clock.now());
    const minute = now.getHours() * 60 + now.getMinutes();
    return this.#windows.some((window) => isWithin(minute, window));
  }

  pause(forMs: number | null): void {
    this.pauseUntil(forMs === null ? null : this.#clock.now() + forMs);
  }

  /** Milliseconds since the epoch; null: until resumed. */
  pauseUntil(until: number | null): void {
    this.#pausedUntil = until ?? Number.POSITIVE_INFINITY;
  }

  resume(): void {
    this.#pausedUntil = null;
  }

  /** "22:00-07:00" or several with commas, in local time; null is always. Throws `usage_invalid`. */
  setSchedule(schedule: string | null): void {
    this.#windows = schedule === null ? [] : schedule.split(",").map(parseWindow);
    this.#schedule = schedule;
  }
}

function parseWindow(text: string): Window {
  const match = /^\s*([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)\s*$/.exec(text);
  const [, fromHour, fromMinute, untilHour, untilMinute] = match ?? [];
  const from = Number(fromHour) * 60 + Number(fromMinute);
  const until = Number(untilHour) * 60 + Number(untilMinute);
  if (match === null || until > minutesPerDay || from === until) {
    throw new PeerError(
      "usage_invalid",
      `Not a time of day: "${text.trim().slice(0, 32)}". Write it like 22:00-07:00.`,
    );
  }
  return { from, until };
}

function isWithin(minute: number, { from, until }: Window): boolean {
  return from < until ? minute >= from && minute < until : minute >= from || minute < until;
}
