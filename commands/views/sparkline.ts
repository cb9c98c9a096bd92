const bars = "▁▂▃▄▅▆▇█";

/** The last `width` values as bars of eight heights, the highest of them full; empty for none. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const highest = Math.max(...shown, Number.MIN_VALUE);
  return shown.map((value) => bars[Math.min(7, Math.floor((value / highest) * 7.999))] ?? bars[0]).join("");
}
