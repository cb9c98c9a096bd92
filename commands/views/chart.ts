const bars = "▁▂▃▄▅▆▇█";

/** The last `width` values as bars of eight heights, the highest of them full and nothing a dot; empty for none. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const highest = Math.max(...shown, Number.MIN_VALUE);
  return shown.map((value) => (value <= 0 ? "·" : barOf((value / highest) * 7.999))).join("");
}

/**
 * Columns of `height` lines, top first: one per value, `width` characters wide, the highest as high as the chart.
 * What is above zero shows at least its lowest eighth, zero is a dot.
 */
export function columnChart(values: readonly number[], height: number, width: number): string[] {
  const highest = Math.max(...values, Number.MIN_VALUE);
  const eighths = values.map((value) => (value <= 0 ? 0 : Math.max(1, Math.round((value / highest) * height * 8))));
  return Array.from({ length: height }, (_, line) => {
    const below = (height - 1 - line) * 8;
    const glyphOf = (eighth: number) => {
      if (eighth > below) return barOf(eighth - below - 1);
      return below === 0 ? "·" : " ";
    };
    return eighths.map((eighth) => glyphOf(eighth).repeat(width)).join("");
  });
}

function barOf(step: number): string {
  return bars[Math.min(7, Math.floor(step))] ?? "█";
}
