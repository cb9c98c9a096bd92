import {
  createHash,
  createPrivateKey,
  createPublicKey,
  ECDH,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { join } from "node:path";
import { PeerError } from "../errors.ts";
import { readIfThere } from "../if-there.ts";
import type { Home } from "../paths.ts";
import { createPrivateFile } from "../private-file.ts";

export type CurveName = "P-256" | "P-384" | "P-521";

/** The curves of OpenSSF Model Signing, and the hash that goes with each. */
const curves = [
  { name: "P-256", namedCurve: "prime256v1", hash: "sha256", pointBytes: 33, identifier: "06082a8648ce3d030107" },
  { name: "P-384", namedCurve: "secp384r1", hash: "sha384", pointBytes: 49, identifier: "06052b81040022" },
  { name: "P-521", namedCurve: "secp521r1", hash: "sha512", pointBytes: 67, identifier: "06052b81040023" },
] as const satisfies readonly { readonly name: CurveName; readonly [detail: string]: string | number }[];

/** A producer's key pair. */
export interface SigningKey {
  readonly privateKey: KeyObject;
  /** Subject public key info, PEM. */
  readonly publicKeyPem: string;
  /** SHA-256 of `publicKeyPem`, hexadecimal: how a signature names its key. */
  readonly fingerprint: string;
  readonly curve: CurveName;
}

/** A fresh key pair. */
export function generateSigningKey(curve: CurveName): SigningKey {
  const { namedCurve } = curves.find(({ name }) => name === curve) ?? curves[0];
  return readSigningKey(generateKeyPairSync("ec", { namedCurve }).privateKey);
}

/** The producer's key of this home, made on first use and kept with mode 0600. */
export async function producerKey(home: Home): Promise<SigningKey> {
  const existing = await findProducerKey(home);
  if (existing !== undefined) return existing;
  try {
    return await createProducerKey(home, "P-256");
  } catch (error) {
    const raced = error instanceof PeerError && error.code === "conflict" ? await findProducerKey(home) : undefined;
    if (raced !== undefined) return raced;
    throw error;
  }
}

/** The producer's key of this home, or undefined before its first use. Throws `config_invalid` where it is damaged. */
export async function findProducerKey(home: Home): Promise<SigningKey | undefined> {
  const file = producerKeyFile(home);
  const pem = await readIfThere(file);
  try {
    return pem === null ? undefined : parsePrivateKey(pem);
  } catch (cause) {
    throw new PeerError("config_invalid", `The producer's key "${file}" is damaged.`, {
      cause,
      hint: "Put a copy of it back: it owns what was published with it. Where it is moved away a new one is made.",
    });
  }
}

/** Throws `conflict` where a key exists already: it owns the names published with it, so it is never overwritten. */
export async function createProducerKey(home: Home, curve: CurveName): Promise<SigningKey> {
  const key = generateSigningKey(curve);
  const file = producerKeyFile(home);
  const pem = key.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  if (await createPrivateFile(file, pem)) return key;
  throw new PeerError("conflict", `There is a producer key already, at "${file}".`, {
    hint: "It owns what was published with it. Use another --home for another key.",
  });
}

export function producerKeyFile(home: Home): string {
  return join(home.keysDirectory, "producer.pem");
}

/** Throws `signature_invalid` unless `pem` is a private key on one of the curves. */
export function parsePrivateKey(pem: string): SigningKey {
  try {
    return readSigningKey(createPrivateKey(pem));
  } catch (cause) {
    if (cause instanceof PeerError) throw cause;
    throw new PeerError("signature_invalid", "The private key can't be read: it must be an unencrypted PEM.", {
      cause,
    });
  }
}

/**
 * Reads a public key: PEM, DER or a compressed point. Throws `signature_invalid` unless it is on one of the curves.
 */
export function parsePublicKey(bytes: Uint8Array): KeyObject {
  const key = readPublicKey(Buffer.from(bytes));
  curveOf(key);
  return key;
}

export function publicKeyPem(key: KeyObject): string {
  return key.export({ type: "spki", format: "pem" }).toString();
}

/** SHA-256 of the PEM text, hexadecimal. */
export function keyFingerprint(key: KeyObject): string {
  return createHash("sha256").update(publicKeyPem(key)).digest("hex");
}

/** ECDSA in ASN.1, with the hash of the key's curve. */
export function signBytes(bytes: Uint8Array, privateKey: KeyObject): Buffer {
  return sign(curveOf(privateKey).hash, bytes, privateKey);
}

export function verifyBytes(bytes: Uint8Array, signature: Uint8Array, publicKey: KeyObject): boolean {
  return verify(curveOf(publicKey).hash, bytes, publicKey, signature);
}

function readSigningKey(privateKey: KeyObject): SigningKey {
  const curve = curveOf(privateKey).name;
  const publicKey = createPublicKey(privateKey);
  return { privateKey, publicKeyPem: publicKeyPem(publicKey), fingerprint: keyFingerprint(publicKey), curve };
}

function readPublicKey(bytes: Buffer): KeyObject {
  try {
    const curve = curves.find(({ pointBytes }) => pointBytes === bytes.length);
    if (curve !== undefined) return keyOfPoint(bytes, curve);
    if (bytes.includes("-----BEGIN")) return createPublicKey(bytes);
    return createPublicKey({ key: bytes, format: "der", type: "spki" });
  } catch (cause) {
    throw new PeerError("signature_invalid", "The public key can't be read: it must be PEM or DER.", { cause });
  }
}

/** Wraps a compressed point as a subject public key info, whose curve an OID names. Source: RFC 5480. */
function keyOfPoint(point: Buffer, { namedCurve, identifier }: (typeof curves)[number]): KeyObject {
  const whole = Buffer.from(ECDH.convertKey(point, namedCurve, undefined, undefined, "uncompressed"));
  const algorithm = derElement(0x30, Buffer.from(`06072a8648ce3d0201${identifier}`, "hex"));
  const bits = derElement(0x03, Buffer.concat([Buffer.from([0]), whole]));
  return createPublicKey({ key: derElement(0x30, Buffer.concat([algorithm, bits])), format: "der", type: "spki" });
}

/** Content of at most 255 bytes, which the points above never exceed. */
function derElement(tag: number, content: Buffer): Buffer {
  const length = content.length < 0x80 ? [content.length] : [0x81, content.length];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

function curveOf(key: KeyObject): (typeof curves)[number] {
  const curve = curves.find(({ namedCurve }) => namedCurve === key.asymmetricKeyDetails?.namedCurve);
  if (key.asymmetricKeyType === "ec" && curve !== undefined) return curve;
  throw new PeerError("signature_invalid", "The key is not on P-256, P-384 or P-521.", {
    hint: 'Make one with "peerllm producer key create".',
  });
}
