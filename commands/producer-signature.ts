import { existsSync, statSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { z } from "zod";
import { PeerError } from "../src/errors.ts";
import { parseBundle } from "../src/models/bundle.ts";
import { readCertificates } from "../src/models/certificate.ts";
import { signModel, type Trust, verifyModel } from "../src/models/signature.ts";
import { parsePrivateKey, parsePublicKey, producerKey, type SigningKey } from "../src/models/signing-key.ts";
import { pathInside } from "../src/models/tree.ts";
import { action, type Session } from "./session.ts";

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
      "\nExample:\n  peerllm producer verify model.gguf --signature model.gguf.sig --public-key producer.pub",
    )
    .action(action(verifySchema, (session, options, [path = ""]) => verify(session, path, options)));
}

async function sign(session: Session, path: string, options: z.output<typeof signSchema>): Promise<void> {
  const { method, allowSymlinks } = options;
  const key =
    options.privateKey === undefined ? await producerKey(session.home) : await readPrivateKey(options.privateKey);
  const signaturePath = resolve(options.signature ?? defaultSignaturePath(path));
  const ignorePaths = insidePaths(path, options.ignorePaths);
  const progress = session.printer.progress();
  const onBytes = countBytes((done) => progress.update({ step: `Signing ${path}`, done }));
  try {
    const made = await signModel(
      { path, key, method, signaturePath, ignorePaths, allowSymlinks, onBytes },
      session.signal,
    );
    await writeWhole(signaturePath, `${JSON.stringify(made.bundle)}\n`);
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
  const bundle = parseBundle((await readGiven(options.signature)).toString("utf8"));
  const progress = session.printer.progress();
  const onBytes = countBytes((done) => progress.update({ step: `Verifying ${path}`, done }));
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
  if (publicKey !== undefined) return { kind: "key", publicKey: parsePublicKey(await readGiven(publicKey)) };
  const texts = await Promise.all((certificateChain ?? []).map(readGiven));
  const certificates = readCertificates(texts.map((text) => text.toString("utf8")).join("\n"));
  return { kind: "certificates", certificates, now: Date.now() };
}

async function readPrivateKey(path: string): Promise<SigningKey> {
  const pem = (await readGiven(path)).toString("utf8");
  try {
    return parsePrivateKey(pem);
  } catch (cause) {
    throw new PeerError("usage_invalid", `"${path}" is no key to sign with.`, {
      cause,
      hint: "Give an unencrypted private key in PEM, on P-256, P-384 or P-521.",
    });
  }
}

async function readGiven(path: string): Promise<Buffer> {
  return readFile(path).catch((cause) => {
    throw new PeerError("file_missing", `"${path}" can't be read.`, { cause });
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

function countBytes(report: (done: number) => void): (bytes: number) => void {
  let done = 0;
  return (bytes) => {
    done += bytes;
    report(done);
  };
}

async function writeWhole(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { flush: true });
  await rename(`${path}.new`, path);
}
