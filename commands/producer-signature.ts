import type { KeyObject, X509Certificate } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Command } from "commander";
import * as z from "zod";
import { PeerError } from "../src/errors.ts";
import { parseBundle } from "../src/models/bundle.ts";
import { readCertificates } from "../src/models/certificate.ts";
import { type OnModelBytes, signModel, type Trust, verifyModel } from "../src/models/signature.ts";
import { parsePrivateKey, parsePublicKey, producerKey, type SigningKey } from "../src/models/signing-key.ts";
import { pathInside } from "../src/models/tree.ts";
import { action, type Session } from "./session.ts";
import { writeTextFile } from "./text-file.ts";

const signSchema = z.object({
  signature: z.string().min(1).optional(),
  method: z.enum(["files", "shards"]),
  privateKey: z.string().min(1).optional(),
  ignorePaths: z.array(z.string()).default([]),
  allowSymlinks: z.boolean().default(false),
});
const verifySchema = z.object({
  signature: z.string().min(1),
  publicKey: z.string().min(1).optional(),
  certificateChain: z.array(z.string().min(1)).min(1).optional(),
  ignorePaths: z.array(z.string()).default([]),
  ignoreUnsignedFiles: z.boolean().default(false),
});

/** `peerllm producer sign PATH`: an OpenSSF model signature of a file or a folder. */
export function producerSignCommand(): Command {
  return new Command("sign")
    .description("sign a model file or folder (OpenSSF Model Signing 1.0)")
    .argument("<path>")
    .option("--signature <file>", "where to put the signature (default: PATH.sig, in a folder model.sig)")
    .option("--method <method>", "digests of whole files, or of shards of 16 MiB", "files")
    .option("--private-key <file>", "a PEM key to sign with, instead of the producer's")
    .option("--ignore-paths <path...>", "files and folders to leave out")
    .option("--allow-symlinks", "follow links that stay inside the model")
    .addHelpText(
      "after",
      "\nExamples:\n  peerllm producer sign model.gguf --method shards\n  peerllm producer sign ./model --signature model.sig --ignore-paths ./model/cache",
    )
    .action(action(signSchema, (session, options, [path = ""]) => sign(session, path, options)));
}

/** `peerllm producer verify PATH`: exit code 0, or 5 and what is wrong. */
export function producerVerifyCommand(): Command {
  return new Command("verify")
    .description("verify a model file or folder against its signature")
    .argument("<path>")
    .requiredOption("--signature <file>", "the signature")
    .option("--public-key <file>", "the signer's public key (PEM or DER)")
    .option("--certificate-chain <file...>", "trusted certificates (PEM) the signer's must lead to")
    .option("--ignore-paths <path...>", "files and folders to leave out, besides those the signature names")
    .option("--ignore-unsigned-files", "let files be that the signature does not list")
    .addHelpText(
      "after",
      `
Exit code 0 where every file is what was signed; 5 where one was changed, is missing or was added, where the key is
another, or the signature is none.

Examples:
  peerllm producer verify model.gguf --signature model.gguf.sig --public-key producer.pub
  peerllm producer verify ./model --signature model.sig --certificate-chain root.pem`,
    )
    .action(action(verifySchema, (session, options, [path = ""]) => verify(session, path, options)));
}

async function sign(session: Session, path: string, options: z.output<typeof signSchema>): Promise<void> {
  const { method, allowSymlinks } = options;
  const key =
    options.privateKey === undefined
      ? await producerKey(session.home)
      : await readGiven(options.privateKey, givenPrivateKey);
  const signaturePath = resolve(options.signature ?? defaultSignaturePath(path));
  const ignorePaths = insidePaths(path, options.ignorePaths);
  const progress = session.printer.progress();
  const onBytes = countBytes((done, total) => progress.update({ step: `Signing ${path}`, done, total }));
  try {
    const made = await signModel(
      { path, key, method, signaturePath, ignorePaths, allowSymlinks, onBytes },
      session.signal,
    );
    await writeTextFile(signaturePath, `${JSON.stringify(made.bundle)}\n`);
    progress.end();
    const { rootDigest, sizeBytes } = made;
    const document = { signature: signaturePath, rootDigest, sizeBytes, key: key.fingerprint };
    session.printer.result(document, () => `Signed. The signature is in ${signaturePath}.`);
  } finally {
    progress.end();
  }
}

async function verify(session: Session, path: string, options: z.output<typeof verifySchema>): Promise<void> {
  const trust = await readTrust(options);
  const bundle = parseBundle((await readNamed(options.signature)).toString("utf8"));
  const progress = session.printer.progress();
  const onBytes = countBytes((done, total) => progress.update({ step: `Verifying ${path}`, done, total }));
  const { ignoreUnsignedFiles } = options;
  const ignorePaths = insidePaths(path, options.ignorePaths);
  const signaturePath = resolve(options.signature);
  try {
    const statement = await verifyModel(
      { path, bundle, trust, signaturePath, ignorePaths, ignoreUnsignedFiles, onBytes },
      session.signal,
    );
    progress.end();
    const document = { verified: true, rootDigest: statement.rootDigest, resources: statement.resources.length };
    session.printer.result(document, () => `Verified: ${path} is what was signed.`);
  } finally {
    progress.end();
  }
}

async function readTrust(options: z.output<typeof verifySchema>): Promise<Trust> {
  const { publicKey, certificateChain } = options;
  if ((publicKey === undefined) === (certificateChain === undefined)) {
    throw new PeerError("usage_invalid", "Give either --public-key or --certificate-chain.");
  }
  if (publicKey !== undefined) return { kind: "key", publicKey: await readGiven(publicKey, givenPublicKey) };
  const certificates = await Promise.all((certificateChain ?? []).map((path) => readGiven(path, givenCertificates)));
  return { kind: "certificates", certificates: certificates.flat(), now: Date.now() };
}

/** How a file that was named is read, and what is said where it holds something else. */
interface GivenKind<Value> {
  parse(bytes: Buffer): Value;
  readonly refusal: string;
  readonly hint: string;
}

const onACurve = "on P-256, P-384 or P-521";
const givenPublicKey: GivenKind<KeyObject> = {
  parse: parsePublicKey,
  refusal: "is no public key to verify with",
  hint: `Give a public key in PEM or DER, ${onACurve}, as "peerllm producer key export" writes it.`,
};
const givenPrivateKey: GivenKind<SigningKey> = {
  parse: (bytes) => parsePrivateKey(bytes.toString("utf8")),
  refusal: "is no key to sign with",
  hint: `Give an unencrypted private key in PEM, ${onACurve}.`,
};
const givenCertificates: GivenKind<readonly X509Certificate[]> = {
  parse: (bytes) => readCertificates(bytes.toString("utf8")),
  refusal: "holds no certificate that can be read",
  hint: "Give one or more certificates in PEM.",
};

/** What is wrong with a file of the one who verifies says nothing of the model: wrong usage, not a failed verification. */
async function readGiven<Value>(path: string, { parse, refusal, hint }: GivenKind<Value>): Promise<Value> {
  const bytes = await readNamed(path);
  try {
    return parse(bytes);
  } catch (cause) {
    throw new PeerError("usage_invalid", `"${path}" ${refusal}.`, { cause, hint });
  }
}

async function readNamed(path: string): Promise<Buffer> {
  return readFile(path).catch((cause) => {
    throw new PeerError("file_missing", `"${path}" can't be read.`, {
      cause,
      hint: "Name a file that is there and that this user may read.",
    });
  });
}

/** Paths as given from here, where they are there and inside the model, else as given from the model's root. */
function insidePaths(model: string, paths: readonly string[]): string[] {
  return paths.map((path) => (existsSync(path) ? pathInside(model, path) : undefined) ?? path);
}

function defaultSignaturePath(path: string): string {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  return isFolder ? join(path, "model.sig") : `${path}.sig`;
}

function countBytes(report: (done: number, total: number) => void): OnModelBytes {
  let done = 0;
  return (bytes, total) => {
    done += bytes;
    report(done, total);
  };
}
