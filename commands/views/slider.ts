import { type NanoUsd, nanosPerCent, nanoUsd } from "../../src/money.ts";

/** A figure that is moved between two ends. All are hundredths, so that dollars stay exact and halves can be typed. */
export interface Slider {
  readonly title: string;
  /** What it counts. */
  readonly unit: string;
  readonly min: number;
  readonly max: number;
  /** What an arrow key moves. */
  readonly step: number;
  /** Digits behind the point, 0 to 2. */
  readonly places: number;
  readonly isMoney: boolean;
}

/** `hundredths` moved by so many steps, onto the next whole step, within the slider's ends. */
export function movedBy(slider: Slider, hundredths: number, steps: number): number {
  const { step } = slider;
  const from = steps > 0 ? Math.floor(hundredths / step) : Math.ceil(hundredths / step);
  return within(slider, (from + steps) * step);
}

export function within({ min, max }: Slider, hundredths: number): number {
  return Math.min(max, Math.max(min, hundredths));
}

/** What was typed, as hundredths; null for what is not a number of the slider's, or beyond its ends. */
export function typedHundredths(slider: Slider, text: string): number | null {
  const match = /^(\d{1,6})(?:\.(\d{0,2}))?$/.exec(text);
  if (match === null) return null;
  const fraction = match[2] ?? "";
  if (fraction.length > slider.places) return null;
  const hundredths = Number(match[1]) * 100 + Number(fraction.padEnd(2, "0"));
  return hundredths === within(slider, hundredths) ? hundredths : null;
}

export function formatHundredths({ places, isMoney }: Slider, hundredths: number): string {
  const text = (hundredths / 100).toLocaleString("en", {
    minimumFractionDigits: places,
    maximumFractionDigits: places,
  });
  return isMoney ? `$${text}` : text;
}

export function usdOfHundredths(hundredths: number): NanoUsd {
  return nanoUsd(BigInt(hundredths) * nanosPerCent);
}

/** `width` characters: how far between its ends it is, on a scale that leaves room for small figures. */
export function sliderBar({ min, max }: Slider, hundredths: number, width: number): string {
  const scaled = (value: number) => Math.log1p((value - min) / 100);
  const full = Math.round((scaled(hundredths) / scaled(max)) * (width - 1));
  return `${"━".repeat(full)}●${"─".repeat(width - 1 - full)}`;
}
