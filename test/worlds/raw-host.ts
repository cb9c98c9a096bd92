import { once } from "node:events";
import { WebSocket } from "ws";
import { generateKeyPair, type KeyPair, parsePublicKey } from "../../src/identity/key.ts";
import { type HostFrame, type NetworkFrame, parseNetworkFrame } from "../../src/protocol/frame.ts";
import { hostLinkPath, newNonce, protocolVersion, signTranscript } from "../../src/protocol/handshake.ts";

/** A host's end of the link, that says whatever a test wants to say. */
export interface RawHost {
  readonly key: KeyPair;
  send(frame: HostFrame | string | Uint8Array): void;
  /** The next frame from the orchestrator; "closed" once there are no more. */
  next(): Promise<NetworkFrame | "closed">;
  /** Reads nothing any more. */
  pause(): void;
  close(): void;
}

export interface Introduction {
  readonly apiKey: string;
  readonly protocol?: number;
  /** Signs in the host's place; by default its own key. */
  readonly signer?: KeyPair;
}

/** Connects and says nothing yet. `networkUrl` is the orchestrator's HTTP address. */
export async function rawHost(networkUrl: string, key: KeyPair = generateKeyPair()): Promise<RawHost> {
  const socket = new WebSocket(networkUrl.replace(/^http/, "ws") + hostLinkPath, { perMessageDeflate: false });
  const frames: (NetworkFrame | "closed")[] = [];
  let wake: () => void = () => {};
  const arrive = (frame: NetworkFrame | "closed") => {
    frames.push(frame);
    wake();
  };
  socket.on("message", (data: Buffer) => arrive(parseNetworkFrame(data)));
  socket.on("close", () => arrive("closed"));
  socket.on("error", () => {});
  await once(socket, "open");
  return {
    key,
    send: (frame) =>
      socket.send(typeof frame === "string" || frame instanceof Uint8Array ? frame : JSON.stringify(frame)),
    async next() {
      while (frames.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return frames.shift() ?? "closed";
    },
    pause: () => socket.pause(),
    close: () => socket.terminate(),
  };
}

/** Runs the host's side of the handshake. Returns the frame that ended it: `welcome`, or `refused`. */
export async function introduce(
  host: RawHost,
  { apiKey, protocol, signer }: Introduction,
): Promise<NetworkFrame | "closed"> {
  const nonce = newNonce();
  const { publicKey } = host.key;
  host.send({ type: "hello", protocol: protocol ?? protocolVersion, software: "raw", publicKey, nonce });
  const challenge = await host.next();
  if (challenge === "closed" || challenge.type !== "challenge") return challenge;
  const networkPublicKey = parsePublicKey(challenge.publicKey);
  const transcript = { hostPublicKey: publicKey, hostNonce: nonce, networkPublicKey, networkNonce: challenge.nonce };
  host.send({ type: "proof", signature: signTranscript("host", signer ?? host.key, transcript), apiKey });
  return host.next();
}
