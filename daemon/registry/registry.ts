import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import * as z from "zod";
import { parseFields } from "../../src/chat/openai-fields.ts";
import { type ModelSourceOptions, modelSource } from "../../src/client/model-source.ts";
import { type Clock, dayMs } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import type { AccountId } from "../../src/ids.ts";
import type { Log } from "../../src/log.ts";
import { claimHeader } from "../../src/models/claim.ts";
import {
  type ModelManifest,
  modelId,
  readSignedManifest,
  signedManifestJson,
  verifyYank,
} from "../../src/models/manifest.ts";
import type { ModelStore, PublishedModel, PublishedVersion } from "../../src/models/model-store.ts";
import { parseReference } from "../../src/models/reference.ts";
import { sendJson } from "../http/errors.ts";
import { type Method, type Route, readJson } from "../http/route.ts";
import { openBlobs } from "./blobs.ts";
import { sendFile } from "./file-response.ts";
import { createPublisher } from "./publication.ts";
import { openUploads } from "./uploads.ts";

/** Who may do what; each rule is the network's. */
export interface RegistryRules {
  readonly networkId: string;
  /** Throws `authentication_failed`, or `permission_denied` for one who may not publish. */
  producerOf(request: IncomingMessage): Promise<AccountId>;
  /** Null for a caller without credentials; throws for wrong ones. */
  accountOf(request: IncomingMessage): Promise<AccountId | null>;
  mayRead(version: PublishedVersion, accountId: AccountId | null): boolean;
  /** Throws where the account does not publish the manifest for its producer; `claim` is what proves it does. */
  requireClaim(manifest: ModelManifest, accountId: AccountId, claim: string | null): Promise<void>;
  /** Throws `payment_required` where the file of these versions is sold and the account has not bought it. */
  requireLicence(versions: readonly PublishedModel[], accountId: AccountId | null): Promise<void>;
}

export interface RegistryOptions extends RegistryRules {
  readonly directory: string;
  readonly store: ModelStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly sources?: ModelSourceOptions;
  /** Opens a published file before anybody may have it; see `PublisherOptions`. */
  probe(modelFile: string, signal: AbortSignal): Promise<void>;
}

export interface Registry {
  readonly routes: readonly Route[];
  /** Where a blob lies, by its hexadecimal SHA-256. */
  blobFile(digest: string): string;
  close(): Promise<void>;
}

/** The digests of a file's shards are in it. */
const manifestLimits = { bytesMax: 32 * 1_048_576, timeoutMs: 300_000 };
const silenceMsMax = 60_000;
const patienceMs = 15_000;
const listedMax = 500;

/**
 * The registry of a network. Below `/api/v1/registry`:
 * `GET uploads/DIGEST` → `{digest,offset}` and `PATCH uploads/DIGEST` with `Upload-Offset` and raw bytes → the same;
 * `PUT models/OWNER/NAME/VERSION` with a signed manifest, and its claim in a header → 201 and the model's row, or 202 and `{step,doneBytes,totalBytes}`;
 * `GET` of the same → its row and `signed`, what its producer signed; `POST models/OWNER/NAME/VERSION/yank` with `{seal}` → its row;
 * `GET models/OWNER/NAME` → `{versions}`, their rows; `GET models?after=N` → `{models,next}`, a page of the caller's own;
 * `GET blobs/DIGEST` → the file, by HTTP Range.
 */
export function createRegistry(options: RegistryOptions): Registry {
  const { directory, store, clock, log } = options;
  const blobs = openBlobs(join(directory, "blobs"));
  const uploads = openUploads(join(directory, "uploads"), clock);
  const publisher = createPublisher({
    blobs,
    uploads,
    store,
    clock,
    log,
    requireLicence: options.requireLicence,
    probe: options.probe,
    sourceOf: (text) => modelSource(sourceReference(text), options.sources),
  });
  const closing = new AbortController();
  const pruning = pruneDaily();

  async function pruneDaily(): Promise<void> {
    while (!closing.signal.aborted) {
      await uploads.prune().catch((error: unknown) => log.warn("uploads-not-pruned", { reason: String(error) }));
      // It ends early where the registry goes down.
      await clock.sleep(dayMs, closing.signal).catch(() => {});
    }
  }

  async function readable<Version extends PublishedVersion>(
    request: IncomingMessage,
    versions: readonly Version[],
  ): Promise<Version[]> {
    const accountId = await options.accountOf(request);
    return versions.filter((version) => options.mayRead(version, accountId));
  }

  const routes: readonly Route[] = [
    route("GET", "uploads/:digest", async ({ request, response, parameters }) => {
      const accountId = await options.producerOf(request);
      sendJson(response, 200, await uploads.state(accountId, digestOf(parameters)));
    }),
    route("PATCH", "uploads/:digest", async ({ request, response, parameters, signal }) => {
      const accountId = await options.producerOf(request);
      const offset = Number(request.headers["upload-offset"] ?? Number.NaN);
      if (!Number.isSafeInteger(offset) || offset < 0) {
        throw new PeerError("request_invalid", "The header Upload-Offset must say where the bytes go on.");
      }
      const upload = { accountId, digest: digestOf(parameters), offset };
      sendJson(response, 200, await uploads.append(upload, arriving(request, signal), signal));
    }),
    route("PUT", "models/:owner/:name/:version", async (exchange) => {
      const { request, response, parameters } = exchange;
      const accountId = await options.producerOf(request);
      const signed = readSignedManifest(await readJson(exchange, manifestLimits));
      if (modelId(signed.manifest) !== `${nameOf(parameters)}:${parameters.version}`) {
        throw new PeerError("manifest_invalid", "The manifest is not of the model in the address.");
      }
      const claim = request.headers[claimHeader];
      await options.requireClaim(signed.manifest, accountId, typeof claim === "string" ? claim : null);
      const outcome = await publisher.publish(accountId, signed, patienceMs);
      if ("manifest" in outcome) sendJson(response, 201, rowOf(outcome));
      else sendJson(response, 202, outcome);
    }),
    route("GET", "models/:owner/:name/:version", async ({ request, response, parameters }) => {
      const found = await store.find(nameOf(parameters), parameters.version ?? "");
      const [model] = await readable(request, found === undefined ? [] : [found]);
      if (model === undefined) throw missing(`${nameOf(parameters)}:${parameters.version}`);
      const signed = signedManifestJson(await store.signed(model.manifest.name, model.manifest.version));
      sendJson(response, 200, { ...rowOf(model), signed });
    }),
    route("POST", "models/:owner/:name/:version/yank", async (exchange) => {
      const { request, response, parameters } = exchange;
      await options.producerOf(request);
      const { seal } = parseFields(yankShape, await readJson(exchange));
      const model = await store.find(nameOf(parameters), parameters.version ?? "");
      if (model === undefined) throw missing(`${nameOf(parameters)}:${parameters.version}`);
      verifyYank(model.manifest, options.networkId, seal);
      const { name, version } = model.manifest;
      sendJson(response, 200, rowOf(await store.yank(name, version, clock.now())));
      log.info("model-yanked", { model: modelId(model.manifest) });
    }),
    route("GET", "models", async ({ request, response, url }) => {
      const accountId = await options.producerOf(request);
      const after = afterShape.parse(url.searchParams.get("after"));
      const query = { words: [], visibilities: [], isYankedToo: true, limit: listedMax };
      const { models, next } = await store.search({ ...query, accountId, after });
      sendJson(response, 200, { models: models.map(rowOf), next });
    }),
    route("GET", "models/:owner/:name", async ({ request, response, parameters }) => {
      const name = nameOf(parameters);
      const versions = await readable(request, await store.versions(name));
      if (versions.length === 0) throw missing(name);
      const models = await Promise.all(versions.map(({ manifest }) => store.find(name, manifest.version)));
      sendJson(response, 200, { versions: models.filter((model) => model !== undefined).map(rowOf) });
    }),
    route("GET", "blobs/:digest", async ({ request, response, parameters, signal }) => {
      const digest = digestOf(parameters);
      const models = await readable(request, await store.holding(digest));
      if (models.length === 0) throw new PeerError("not_found", "There is no such file here.");
      await options.requireLicence(models, await options.accountOf(request));
      if (!(await blobs.has(digest))) {
        log.error("blob-lost", { digest });
        throw new PeerError("model_missing", "The network has lost this file.", {
          hint: "Its producer can put it back by publishing it again, just as it was.",
        });
      }
      await sendFile(request, response, blobs.file(digest), digest, signal);
    }),
  ];

  return {
    routes,
    blobFile: blobs.file,
    async close() {
      closing.abort();
      await publisher.close();
      await pruning;
    },
  };
}

function route(method: Method, path: string, handle: Route["handle"]): Route {
  return { method, path: `/api/v1/registry/${path}`, handle };
}

/** Of a query; nonsense is a first page. */
const afterShape = z.coerce.number().int().positive().nullable().catch(null);
const yankShape = z.object({ seal: z.base64().max(512) });

function rowOf({ manifest, publishedAt, yankedAt }: PublishedModel) {
  return {
    model: modelId(manifest),
    digest: manifest.digest,
    sizeBytes: manifest.sizeBytes,
    license: manifest.license,
    summary: manifest.summary,
    visibility: manifest.visibility,
    publishedAt,
    yankedAt: yankedAt ?? null,
  };
}

function nameOf(parameters: Readonly<Record<string, string>>): string {
  return `${parameters.owner}/${parameters.name}`;
}

function digestOf({ digest = "" }: Readonly<Record<string, string>>): string {
  if (/^[0-9a-f]{64}$/.test(digest)) return digest;
  throw new PeerError("request_invalid", "A file is named by its SHA-256, in lower case hexadecimal.");
}

function sourceReference(text: string) {
  const reference = parseReference(text);
  if (reference.kind !== "published") return reference;
  throw new PeerError("manifest_invalid", `"${text}" is not a source.`);
}

function missing(model: string): PeerError {
  return new PeerError("not_found", `There is no model "${model.slice(0, 128)}" on this network.`);
}

/** A file as it comes. A sender that falls silent is cut off. */
async function* arriving(request: IncomingMessage, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const silent = new PeerError("deadline_exceeded", `Nothing came for ${silenceMsMax / 1000} s.`);
  const timer = setTimeout(() => request.destroy(silent), silenceMsMax);
  try {
    // Left unread it would hold up the next request of its connection: what is refused is read on by who answers.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      signal.throwIfAborted();
      timer.refresh();
      yield chunk;
    }
  } finally {
    clearTimeout(timer);
  }
}
