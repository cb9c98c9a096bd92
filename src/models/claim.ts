import { canonicalJson } from "../canonical-json.ts";
import { PeerError } from "../errors.ts";
import { preAuthenticationEncoding } from "./bundle.ts";
import { type ModelManifest, manifestDigest, modelId } from "./manifest.ts";
import { parsePublicKey, type SigningKey, signBytes, verifyBytes } from "./signing-key.ts";

/** The header of a publication that carries the claim. */
export const claimHeader = "peerllm-claim";

const claimPayloadType = "application/vnd.peerllm.claim.v1+json";

/** Who publishes a manifest where, and earns what it asks there. */
export interface Claimant {
  readonly networkId: string;
  readonly accountId: string;
}

/** The producer's word that this account publishes the manifest on this network, base64. */
export function sealClaim(manifest: ModelManifest, claimant: Claimant, key: SigningKey): string {
  return signBytes(claimBytes(manifest, claimant), key.privateKey).toString("base64");
}

/** Throws `signature_invalid` unless the manifest's producer sealed it, for this network and this account. */
export function verifyClaim(manifest: ModelManifest, claimant: Claimant, claim: string): void {
  const publicKey = parsePublicKey(Buffer.from(manifest.producerKey));
  if (verifyBytes(claimBytes(manifest, claimant), Buffer.from(claim, "base64"), publicKey)) return;
  throw new PeerError(
    "signature_invalid",
    `${modelId(manifest)}: its producer's key did not sign that this account publishes it on this network.`,
  );
}

function claimBytes(manifest: ModelManifest, { networkId, accountId }: Claimant): Buffer {
  const claim = { networkId, accountId, manifest: manifestDigest(manifest) };
  return preAuthenticationEncoding(claimPayloadType, Buffer.from(canonicalJson(claim)));
}
