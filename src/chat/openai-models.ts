import * as z from "zod";
import { boundedList } from "../bounded-list.ts";
import { PeerError } from "../errors.ts";
import type { ModelListing } from "./answer.ts";

/** One entry of `/v1/models`: OpenAI's fields, and `context_length` where it is known. */
export function wireModel(listing: ModelListing): object {
  return {
    id: listing.id,
    object: "model",
    created: listing.createdAt,
    owned_by: listing.owner,
    ...(listing.contextLength === null ? {} : { context_length: listing.contextLength }),
  };
}

export function wireModelList(listings: readonly ModelListing[]): object {
  return { object: "list", data: listings.map(wireModel) };
}

const listSchema = z.object({
  data: boundedList(
    z.object({
      id: z.string().max(512),
      created: z.number().catch(0),
      owned_by: z.string().max(256).catch("unknown"),
      context_length: z.int().positive().nullish().catch(null),
    }),
    { max: 100_000 },
  ),
});

/** Reads the body of another server's `/v1/models`. Throws `upstream_failed`. */
export function parseModelList(body: unknown): readonly ModelListing[] {
  const parsed = listSchema.safeParse(body);
  if (!parsed.success) {
    throw new PeerError("upstream_failed", "The list of models is not in OpenAI's form.", { cause: parsed.error });
  }
  return parsed.data.data.map((model) => ({
    id: model.id,
    createdAt: model.created,
    owner: model.owned_by,
    contextLength: model.context_length ?? null,
  }));
}

/** The error for a model nobody serves; it lists up to ten that are served. */
export function modelMissing(model: string, available: readonly ModelListing[]): PeerError {
  const names = available.slice(0, 10).map(({ id }) => id);
  const more = available.length > names.length ? ` and ${available.length - names.length} more` : "";
  const list = names.length === 0 ? "No model is served right now." : `Available: ${names.join(", ")}${more}.`;
  return new PeerError("model_missing", `The model '${model}' does not exist or is not served here. ${list}`, {
    parameter: "model",
  });
}
