import { oneLine } from "../src/plain-text.ts";

/**
 * Rows under headers in columns two spaces apart, at most `width` characters wide: the widest columns give way, their
 * cells ending in "…". Numbers, as their column's cells show, stand to the right. What a row is called by, its first
 * cell, stays whole where it is an id or a model: other commands are given it.
 */
export function formatTable(headers: readonly string[], rows: readonly (readonly string[])[], width: number): string {
  const clean = rows.map((row) => headers.map((_, index) => oneLine(row[index] ?? "")));
  const wanted = headers.map((header, index) =>
    Math.max(header.length, ...clean.map((row) => row[index]?.length ?? 0)),
  );
  const isNamed = clean.some(([name = ""]) => /^[a-z]+_[a-z2-7]{26}$|^[^\s/]+\/[^\s/]+$/.test(name));
  const least = headers.map((header, index) =>
    isNamed && index === 0 ? (wanted[0] ?? 0) : Math.max(4, Math.min(header.length, 12)),
  );
  const widths = fitWidths(wanted, least, width);
  const isNumeric = headers.map((_, index) => clean.length > 0 && clean.every((row) => isNumber(row[index] ?? "")));
  return [headers, ...clean]
    .map((row) =>
      row
        .map((cell, index) => pad(cell, widths[index] ?? 0, isNumeric[index] ?? false))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** "name  value" lines, the values in one column. */
export function formatFacts(facts: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `${name.padEnd(width)}  ${oneLine(value)}`).join("\n");
}

/** The widest column is cut first, none below its least. */
function fitWidths(wanted: readonly number[], least: readonly number[], width: number): number[] {
  const widths = [...wanted];
  const gaps = 2 * (widths.length - 1);
  while (widths.reduce((sum, column) => sum + column, gaps) > width) {
    const candidates = widths.map((column, index) => (column > (least[index] ?? 0) ? column : 0));
    const widest = candidates.indexOf(Math.max(...candidates));
    if ((candidates[widest] ?? 0) === 0) return widths;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

function pad(cell: string, width: number, isRight: boolean): string {
  const cut = cell.length > width ? `${cell.slice(0, Math.max(0, width - 1))}…` : cell;
  return isRight ? cut.padStart(width) : cut.padEnd(width);
}

function isNumber(cell: string): boolean {
  return cell === "" || cell === "-" || /^-?\$?[\d,.]+%?$/.test(cell);
}
