import { X509Certificate } from "node:crypto";
import * as z from "zod";
import { boundedList } from "../bounded-list.ts";
import { PeerError } from "../errors.ts";

/*
 * The Sigstore bundle v0.3 that carries a model's signature: a DSSE envelope and what names its key.
 * Sources: OpenSSF Model Signing 1.0, section 4; sigstore_bundle.proto; DSSE 1.0, protocol.md.
 */

export const bundleMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json";
export const statementPayloadType = "application/vnd.in-toto+json";

/** What a bundle says about its signer. Nothing of it is trusted before the signature is checked. */
export type SignerMaterial =
  | { readonly kind: "key"; readonly hint: string | undefined; readonly rawBytes: Uint8Array | undefined }
  | { readonly kind: "certificates"; readonly chain: readonly X509Certificate[] }
  | { readonly kind: "keyless" };

export interface Bundle {
  readonly material: SignerMaterial;
  readonly payloadType: string;
  readonly payload: Uint8Array;
  /** ASN.1 ECDSA signatures of the envelope, at least one. */
  readonly signatures: readonly Uint8Array[];
}

/** A bundle as JSON, as it is stored and sent. */
export type BundleJson = Readonly<Record<string, unknown>>;

const bundleLengthMax = 64 * 1_048_576;
const mediaTypes: readonly string[] = [bundleMediaType, "application/vnd.dev.sigstore.bundle+json;version=0.3"];

const base64 = z.string().regex(/^[A-Za-z0-9+/_-]+={0,2}$/, "is not base64");
const certificate = z.looseObject({ rawBytes: base64 });
const envelope = z.strictObject({
  payload: base64,
  payloadType: z.literal(statementPayloadType),
  signatures: boundedList(z.strictObject({ sig: base64, keyid: z.string().nullish() }), { min: 1, max: 16 }),
});
const bundleShape = z.strictObject({
  mediaType: z.string().refine((text) => mediaTypes.includes(text), "is not a Sigstore bundle of version 0.3"),
  verificationMaterial: z.looseObject({
    publicKey: z.looseObject({ hint: z.string().nullish(), rawBytes: base64.nullish() }).nullish(),
    x509CertificateChain: z.looseObject({ certificates: boundedList(certificate, { min: 1, max: 16 }) }).nullish(),
    certificate: certificate.nullish(),
    tlogEntries: boundedList(z.looseObject({}), { max: 16 }).nullish(),
  }),
  dsseEnvelope: envelope,
});

/** Reads a bundle's text. Throws `signature_invalid`, naming the field at fault. */
export function parseBundle(text: string): Bundle {
  if (text.length > bundleLengthMax) throw invalid("the bundle is too large");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(text.trim() === "" ? "the bundle is empty" : "the bundle is not JSON", cause);
  }
  return readBundle(json);
}

/** Reads a bundle that was already parsed as JSON. Throws `signature_invalid`. */
export function readBundle(json: unknown): Bundle {
  const parsed = bundleShape.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalid(`"${issue?.path.join(".") ?? ""}" of the bundle: ${issue?.message ?? "unreadable"}`);
  }
  const { verificationMaterial, dsseEnvelope } = parsed.data;
  return {
    material: readMaterial(verificationMaterial),
    payloadType: dsseEnvelope.payloadType,
    payload: Buffer.from(dsseEnvelope.payload, "base64"),
    signatures: dsseEnvelope.signatures.map(({ sig }) => Buffer.from(sig, "base64")),
  };
}

/** The bundle of a signature made with a bare key, whose SHA-256 fingerprint (of its PEM text) is `hint`. */
export function writeBundle(payload: Uint8Array, signature: Uint8Array, hint: string): BundleJson {
  return {
    mediaType: bundleMediaType,
    verificationMaterial: { publicKey: { hint }, tlogEntries: [] },
    dsseEnvelope: {
      payload: Buffer.from(payload).toString("base64"),
      payloadType: statementPayloadType,
      signatures: [{ sig: Buffer.from(signature).toString("base64"), keyid: "" }],
    },
  };
}

/** What is signed: DSSE's pre-authentication encoding of a payload and its type. */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const typeLength = Buffer.byteLength(payloadType);
  return Buffer.concat([Buffer.from(`DSSEv1 ${typeLength} ${payloadType} ${payload.length} `), payload]);
}

/**
 * What model_signing 0.2 signed instead: the payload as Python prints bytes, and a capital V. Kept to verify what it
 * made. Source: sigstore/model-transparency, `pae_compat`.
 */
export function legacyPreAuthenticationEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const typeLength = Buffer.byteLength(payloadType);
  return Buffer.from(`DSSEV1 ${typeLength} ${payloadType} ${payload.length} ${pythonBytes(payload)}`);
}

type MaterialJson = z.infer<typeof bundleShape>["verificationMaterial"];

function readMaterial(material: MaterialJson): SignerMaterial {
  const { publicKey, x509CertificateChain, certificate: keyless, tlogEntries } = material;
  const named = [publicKey, x509CertificateChain, keyless].filter((part) => part !== undefined && part !== null);
  if (named.length !== 1) {
    throw invalid('"verificationMaterial" must hold exactly one of publicKey, x509CertificateChain, certificate');
  }
  if (publicKey !== undefined && publicKey !== null) {
    const hint = publicKey.hint ?? undefined;
    const rawBytes = publicKey.rawBytes ?? undefined;
    if (hint === undefined && rawBytes === undefined) throw invalid('"publicKey" has neither hint nor rawBytes');
    return { kind: "key", hint, rawBytes: rawBytes === undefined ? undefined : Buffer.from(rawBytes, "base64") };
  }
  if (x509CertificateChain !== undefined && x509CertificateChain !== null) {
    return {
      kind: "certificates",
      chain: x509CertificateChain.certificates.map(({ rawBytes }) => readCertificate(rawBytes)),
    };
  }
  if (tlogEntries === undefined || tlogEntries === null || tlogEntries.length === 0) {
    throw invalid('a keyless signature needs "tlogEntries"');
  }
  return { kind: "keyless" };
}

function readCertificate(rawBytes: string): X509Certificate {
  try {
    return new X509Certificate(Buffer.from(rawBytes, "base64"));
  } catch (cause) {
    throw invalid("a certificate of the bundle can't be read", cause);
  }
}

/** `repr(bytes)` of Python 3. */
function pythonBytes(bytes: Uint8Array): string {
  const quote = bytes.includes(0x27) && !bytes.includes(0x22) ? '"' : "'";
  let text = "";
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    if (character === quote || character === "\\") text += `\\${character}`;
    else if (byte === 0x09) text += "\\t";
    else if (byte === 0x0a) text += "\\n";
    else if (byte === 0x0d) text += "\\r";
    else if (byte < 0x20 || byte > 0x7e) text += `\\x${byte.toString(16).padStart(2, "0")}`;
    else text += character;
  }
  return `b${quote}${text}${quote}`;
}

function invalid(what: string, cause?: unknown): PeerError {
  return new PeerError("signature_invalid", `Not a model signature: ${what}.`, {
    cause,
    hint: "Name the signature the producer made, a Sigstore bundle of version 0.3.",
  });
}
