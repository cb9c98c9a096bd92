import { readdir, rm, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { Command } from "commander";
import * as z from "zod";
import { createGateway } from "../src/client/gateway.ts";
import { copySource, modelSource, sourceBaseName, sourceFileName } from "../src/client/model-source.ts";
import { publishModel } from "../src/client/publishing.ts";
import { isPeerError, PeerError } from "../src/errors.ts";
import { digestFile } from "../src/models/digest.ts";
import { readGgufFacts } from "../src/models/gguf.ts";
import { parseLicense } from "../src/models/license.ts";
import {
  isModelFileName,
  type ModelManifest,
  readSignedManifest,
  type SignedManifest,
  sealManifest,
  signedManifestJson,
  summaryLengthMax,
  visibilities,
} from "../src/models/manifest.ts";
import { formatReference, isModelName, parseReference, type SourceReference } from "../src/models/reference.ts";
import { signModel } from "../src/models/signature.ts";
import { producerKey, type SigningKey } from "../src/models/signing-key.ts";
import { isExactVersion } from "../src/models/version.ts";
import { nanosPerUsd } from "../src/money.ts";
import { writePrivateFile } from "../src/private-file.ts";
import { typedUsd } from "../src/typed-number.ts";
import { ensureAccess } from "./access.ts";
import type { Progress } from "./printer.ts";
import { action, type Session } from "./session.ts";

/** Of weights that are sold: what PayPal takes, whole cents and a dollar at least. */
const salePrice = typedUsd.refine(
  (amount) => amount === 0n || (amount >= nanosPerUsd && amount % (nanosPerUsd / 100n) === 0n),
  "must be whole cents, and at least 1.00",
);
const publishSchema = z.object({
  name: z.string().refine(isModelName, 'must be "owner/name" in lower case'),
  version: z.string().refine(isExactVersion, "must be a semantic version like 1.2.0"),
  license: z.string().transform(parseLicense).optional(),
  summary: z.string().max(summaryLengthMax).default(""),
  visibility: z.enum(visibilities),
  royalty: typedUsd.prefault("0"),
  price: salePrice.prefault("0"),
  monthly: salePrice.prefault("0"),
  hubUrl: z.url({ protocol: /^https?$/ }).optional(),
});
type PublishOptions = z.output<typeof publishSchema>;

/** What a model is under whose producer chose no licence: all rights reserved, in SPDX's way of saying so. */
const noLicense = "LicenseRef-unspecified";

/** `peerllm producer publish PATH|hf:…|https:…`. */
export function producerPublishCommand(): Command {
  return new Command("publish")
    .description("sign a model and publish it on the network")
    .argument("<source>", "a .gguf file, a folder with one, hf:owner/repo/file.gguf or https://…")
    .requiredOption("--name <name>", "owner/name")
    .requiredOption("--version <version>", "a semantic version; it never changes once published")
    .option("--license <spdx>", "an SPDX licence expression, like MIT")
    .option("--summary <text>", "one sentence about it")
    .option("--visibility <who>", "global, private (this network's members) or local (your own hosts)", "global")
    .option("--royalty <usd>", "dollars per 100,000 tokens for you, on top of the network's price")
    .option("--price <usd>", "dollars for the weights, paid once by whoever downloads or hosts them")
    .option("--monthly <usd>", "dollars a month for the weights, instead or as another way")
    .option("--hub-url <url>", "where hf: sources are read from")
    .addHelpText(
      "after",
      "\nExamples:\n  peerllm producer publish tiny.gguf --name acme/tiny --version 1.2.0 --license MIT\n  peerllm producer publish pro.gguf --name acme/pro --version 1.0.0 --price 20 --monthly 3",
    )
    .action(action(publishSchema, (session, options, [source = ""]) => publish(session, source, options)));
}

async function publish(session: Session, given: string, options: PublishOptions): Promise<void> {
  const copy = copyOf(session, given);
  const path = copy?.path ?? (await ggufFileOf(resolve(given)));
  const { networkUrl, apiKey } = await ensureAccess(session);
  const gateway = createGateway({ url: networkUrl, apiKey });
  const progress = session.printer.progress();
  const onStep = (step: string, done: number, total: number) => progress.update({ step, done, total });
  try {
    if (copy !== undefined) await fetchCopy(session, copy, options, progress);
    const key = await producerKey(session.home);
    const signed = await signFile(session, { path, source: copy?.reference, key }, options, progress);
    const file = copy === undefined ? path : null;
    const row = await publishModel(gateway, { signed, key, file }, onStep, session.signal);
    const signature = await keepSignature(session, signed);
    await removeCopy(copy);
    progress.end();
    if (options.license === undefined) {
      session.printer.note(`No --license given: published as ${noLicense}, which grants nobody any right.`);
    }
    const document = { model: row.model, digest: row.digest, sizeBytes: row.sizeBytes, signature };
    session.printer.result(document, () =>
      session.printer.facts([
        ["published", row.model],
        ["digest", row.digest],
        ["signature", signature],
      ]),
    );
  } catch (error) {
    // Begun with one version of the source and finished with another, it would be refused for ever.
    if (isPeerError(error, "digest_mismatch") || isPeerError(error, "model_invalid")) await removeCopy(copy);
    throw error;
  } finally {
    progress.end();
  }
}

/** A source and where it is copied to; a copy that was not finished is gone on with. */
interface SourceCopy {
  readonly reference: SourceReference;
  /** Its own; whatever is in it is gone with the copy. */
  readonly folder: string;
  readonly path: string;
}

/** Undefined for a file or folder of this machine. */
function copyOf(session: Session, given: string): SourceCopy | undefined {
  if (!given.startsWith("hf:") && !/^[a-z]+:\/\//i.test(given)) return undefined;
  const reference = parseReference(given);
  if (reference.kind === "published") throw new PeerError("usage_invalid", `"${given}" is published already.`);
  const folder = join(session.home.modelsDirectory, "sources", sourceFileName(reference));
  return { reference, folder, path: join(folder, sourceBaseName(reference)) };
}

async function fetchCopy(
  session: Session,
  { reference, path }: SourceCopy,
  { hubUrl }: PublishOptions,
  progress: Progress,
): Promise<void> {
  const step = `Fetching ${formatReference(reference)}`;
  progress.update({ step });
  const onBytes = (done: number, total: number | undefined) =>
    progress.update({ step, done, ...(total === undefined ? {} : { total }) });
  await copySource(modelSource(reference, hubUrl === undefined ? {} : { hubUrl }), path, onBytes, session.signal);
}

async function removeCopy(copy: SourceCopy | undefined): Promise<void> {
  if (copy !== undefined) await rm(copy.folder, { recursive: true, force: true });
}

/** The file itself, or the one model a folder holds. Throws `file_missing` or `model_invalid`. */
async function ggufFileOf(path: string): Promise<string> {
  const found = await stat(path).catch((cause) => {
    throw new PeerError("file_missing", `There is no model at "${path}".`, {
      cause,
      hint: "Name a .gguf file, a folder with one, hf:owner/repo/file.gguf or https://….",
    });
  });
  if (found.isFile()) return namedAsModel(path);
  if (!found.isDirectory()) throw new PeerError("model_invalid", `"${path}" is neither a file nor a folder.`);
  const names = (await readdir(path)).filter((name) => /\.gguf$/i.test(name));
  const [only] = names;
  if (only !== undefined && names.length === 1) return join(path, only);
  throw new PeerError("model_invalid", `"${path}" holds ${names.length} .gguf files; name the one to publish.`);
}

/** Under the name that it would have on every host. */
function namedAsModel(path: string): string {
  if (isModelFileName(basename(path))) return path;
  throw new PeerError("model_invalid", `"${path}" does not have the name of a .gguf file.`, {
    hint: "Only GGUF models are published; rename it if it is one.",
  });
}

interface GivenFile {
  readonly path: string;
  /** Where it was copied from, for the network to fetch it from there too. */
  readonly source: SourceReference | undefined;
  readonly key: SigningKey;
}

async function signFile(
  session: Session,
  file: GivenFile,
  options: PublishOptions,
  progress: Progress,
): Promise<SignedManifest> {
  const { key } = file;
  const facts = await readGgufFacts(file.path);
  const { size } = await stat(file.path);
  let done = 0;
  const onBytes = (bytes: number) => {
    done += bytes;
    // Read twice: once for the digest of the whole, once for those of the shards.
    progress.update({ step: "Signing", done: Math.floor(done / 2), total: size });
  };
  const digest = await digestFile(file.path, "sha256", onBytes, session.signal);
  const made = await signModel({ path: file.path, key, method: "shards", onBytes }, session.signal);
  const { name, version, summary, visibility, royalty, price, monthly } = options;
  const manifest: ModelManifest = {
    name,
    version,
    license: options.license ?? noLicense,
    summary,
    visibility,
    prices: { royaltyPer100kTokens: royalty, once: price, monthly },
    facts,
    fileName: basename(file.path),
    sizeBytes: made.sizeBytes,
    digest,
    rootDigest: made.rootDigest,
    source: file.source === undefined ? undefined : formatReference(file.source),
    producerKey: key.publicKeyPem,
  };
  // Read back as the registry will, so that what it would refuse is refused before anything is sent.
  return readSignedManifest(JSON.parse(JSON.stringify(signedManifestJson(sealManifest(manifest, made.bundle, key)))));
}

/** Where `producer verify --signature` finds it later. */
async function keepSignature(session: Session, { manifest, bundle }: SignedManifest): Promise<string> {
  const path = join(session.home.root, "signatures", manifest.name, `${manifest.version}.sig`);
  await writePrivateFile(path, `${JSON.stringify(bundle)}\n`);
  return path;
}
