import { isPeerError, PeerError } from "../errors.ts";
import { type ModelManifest, modelId } from "../models/manifest.ts";
import { mustBeBought } from "../models/sold.ts";
import { type ByteSource, httpSource } from "./byte-source.ts";

/**
 * A model's file in the registry of a network. Reading it throws as `httpSource` does, `payment_required` where the
 * account has not bought it, and `model_missing` where the network has lost it.
 */
export function registrySource(
  { url, apiKey }: { readonly url: string; readonly apiKey: string | null },
  manifest: ModelManifest,
): ByteSource {
  const source = httpSource({
    url: `${url}/api/v1/registry/blobs/${manifest.digest}`,
    headers: apiKey === null ? {} : { authorization: `Bearer ${apiKey}` },
  });
  return {
    label: source.label,
    async read(start, end, signal) {
      try {
        return await source.read(start, end, signal);
      } catch (error) {
        if (isPeerError(error, "payment_required")) throw mustBeBought(manifest);
        if (!isPeerError(error, "not_found")) throw error;
        throw new PeerError("model_missing", `The network at ${url} has no file of ${modelId(manifest)} any more.`, {
          cause: error,
          hint: "Its producer can put it back by publishing it again, just as it was.",
        });
      }
    },
  };
}
