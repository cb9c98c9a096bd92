import type * as z from "zod";
import { type modelRowSchema, routes } from "../protocol/api.ts";
import type { Gateway } from "./gateway.ts";
import { everyRow } from "./pages.ts";

export type ModelRow = z.output<typeof modelRowSchema>;

/** The models of a network, or those whose name or summary has the words; those with most hosts first. */
export async function listModels(
  gateway: Gateway,
  search: string | undefined,
  signal: AbortSignal,
): Promise<readonly ModelRow[]> {
  const all = await everyRow(async (after) => {
    const request = { ...(search === undefined ? {} : { search }), ...(after === null ? {} : { after }) };
    const { models, next } = await gateway.call(routes["models-list"], request, signal);
    return { rows: models, next };
  });
  return all.toSorted((a, b) => b.hosts - a.hosts);
}
