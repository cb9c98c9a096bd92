import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { PeerError } from "../errors.ts";

declare const brand: unique symbol;

/** An Ed25519 public key: its 32 bytes in base64url, 43 characters. */
export type PublicKey = string & { readonly [brand]: "PublicKey" };

/** An Ed25519 key pair (RFC 8032). The private half never leaves this object but through `exportPem`. */
export interface KeyPair {
  readonly publicKey: PublicKey;
  /** Signature in base64url, 86 characters. */
  sign(message: Uint8Array): string;
  /** PKCS #8, PEM. A secret: only ever written to a file of mode 0600. */
  exportPem(): string;
}

export function generateKeyPair(): KeyPair {
  return keyPairOf(generateKeyPairSync("ed25519").privateKey);
}

/** Reads a PKCS #8 PEM. Throws `config_invalid` where it holds no Ed25519 key. */
export function keyPairFromPem(pem: string): KeyPair {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new PeerError("config_invalid", "The key file holds no private key in PEM.", { cause });
  }
  if (key.asymmetricKeyType !== "ed25519") throw new PeerError("config_invalid", "The key is not an Ed25519 key.");
  return keyPairOf(key);
}

export function parsePublicKey(text: string): PublicKey {
  if (!/^[A-Za-z0-9_-]{43}$/.test(text)) throw new PeerError("id_malformed", "Not an Ed25519 public key.");
  return text as PublicKey;
}

/** Whether `signature` (base64url) is `publicKey`'s over `message`. Malformed signatures are simply not valid. */
export function isSignedBy(publicKey: PublicKey, message: Uint8Array, signature: string): boolean {
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: publicKey }, format: "jwk" });
  return verify(null, message, key, Buffer.from(signature, "base64url"));
}

function keyPairOf(privateKey: KeyObject): KeyPair {
  const { x } = createPublicKey(privateKey).export({ format: "jwk" });
  return {
    publicKey: parsePublicKey(x ?? ""),
    sign: (message) => sign(null, message, privateKey).toString("base64url"),
    exportPem: () => privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}
