import { existsSync } from "node:fs";
import type { Engine } from "../src/chat/generation.ts";
import { isPeerError, PeerError } from "../src/errors.ts";
import type { ModelStore } from "../src/models/model-store.ts";
import { parsePublishedReference } from "../src/models/reference.ts";
import { newestVersion } from "../src/models/version.ts";
import type { Guard } from "../src/pipeline/ports.ts";
import { guardVerdict } from "../src/safety/guard.ts";

/** Asks a guard model. While its engine can't answer it throws: nothing passes unjudged. */
export function guardOf(engine: Engine): Guard {
  return (prompt, answer, signal) => guardVerdict(engine, prompt, answer, signal);
}

/** The file that `--guard-model` names: a path, or a model of this network. Throws `model_missing`. */
export async function guardFile(
  reference: string,
  models: ModelStore,
  blobFile: (digest: string) => string,
): Promise<string> {
  if (existsSync(reference)) return reference;
  const missing = new PeerError("model_missing", `There is no guard model "${reference}".`, {
    hint: "--guard-model takes a GGUF file, or the reference of a model that is published here.",
  });
  const { name, version } = parsed(reference, missing);
  const versions = (await models.versions(name)).filter(({ yankedAt }) => yankedAt === undefined);
  const newest = newestVersion(
    versions.map(({ manifest }) => manifest.version),
    version,
  );
  const found = newest === undefined ? undefined : await models.find(name, newest);
  if (found === undefined) throw missing;
  return blobFile(found.manifest.digest);
}

function parsed(reference: string, missing: PeerError): ReturnType<typeof parsePublishedReference> {
  try {
    return parsePublishedReference(reference);
  } catch (error) {
    if (isPeerError(error, "reference_malformed")) throw missing;
    throw error;
  }
}
