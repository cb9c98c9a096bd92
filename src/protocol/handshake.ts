import { createHash, randomBytes } from "node:crypto";
import { PeerError } from "../errors.ts";
import { isSignedBy, type KeyPair, type PublicKey } from "../identity/key.ts";
import { type HostId, idOfDigest, type NetworkId } from "../ids.ts";

/** Where hosts connect, on the orchestrator's HTTP address. */
export const hostLinkPath = "/host/v1";

/** The protocol spoken between host and orchestrator. Raised when a frame changes meaning; see PROTOCOL.md. */
export const protocolVersion = 1;

/** What both sides sign: everything that makes this one meeting of these two keys unlike any other. */
export interface Transcript {
  readonly hostPublicKey: PublicKey;
  readonly hostNonce: string;
  readonly networkPublicKey: PublicKey;
  readonly networkNonce: string;
}

export type Side = "host" | "network";

/** 32 random bytes in base64url. */
export function newNonce(): string {
  return randomBytes(32).toString("base64url");
}

export function signTranscript(side: Side, key: KeyPair, transcript: Transcript): string {
  return key.sign(transcriptBytes(side, transcript));
}

/** Throws `authentication_failed` where the other side does not hold the key it claims. */
export function verifyTranscript(side: Side, transcript: Transcript, signature: string): void {
  const publicKey = side === "host" ? transcript.hostPublicKey : transcript.networkPublicKey;
  if (!isSignedBy(publicKey, transcriptBytes(side, transcript), signature)) {
    throw new PeerError("authentication_failed", `The ${side} did not prove that it holds its key.`);
  }
}

export function hostIdOf(publicKey: PublicKey): HostId {
  return idOfDigest("host", createHash("sha256").update(publicKey).digest());
}

export function networkIdOf(publicKey: PublicKey): NetworkId {
  return idOfDigest("network", createHash("sha256").update(publicKey).digest());
}

/** Throws `protocol_incompatible`, naming the side that has to update. */
export function requireSameProtocol(theirs: number, theirSide: Side): void {
  if (theirs === protocolVersion) return;
  const older = theirs < protocolVersion ? theirSide : theirSide === "host" ? "network" : "host";
  throw new PeerError(
    "protocol_incompatible",
    `The ${theirSide} speaks protocol ${theirs}, this side ${protocolVersion}. Update PeerLLM on the ${older === "network" ? "orchestrator" : "host"}.`,
  );
}

/** The two sides sign different first lines, so neither can replay the other's signature as its own. */
function transcriptBytes(side: Side, transcript: Transcript): Uint8Array {
  const lines = [
    `peerllm-link-v${protocolVersion}-${side}`,
    transcript.hostPublicKey,
    transcript.hostNonce,
    transcript.networkPublicKey,
    transcript.networkNonce,
  ];
  return Buffer.from(lines.join("\n"), "utf8");
}
