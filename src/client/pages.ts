import { PeerError } from "../errors.ts";

/** A part of a list. `next` asks for the one after it; null where there is none. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly next: number | null;
}

const pagesMax = 200;

/** All of a list that comes in pages. Throws `upstream_failed` for one of more than 200. */
export async function everyRow<Row>(page: (after: number | null) => Promise<Page<Row>>): Promise<readonly Row[]> {
  const all: Row[] = [];
  let after: number | null = null;
  for (let pages = 0; pages < pagesMax; pages++) {
    const { rows, next }: Page<Row> = await page(after);
    all.push(...rows);
    if (next === null) return all;
    after = next;
  }
  throw new PeerError("upstream_failed", `The network's list goes on after ${all.length} rows.`, {
    hint: "Name the model instead, or search for words of its name.",
  });
}
