import { createServer } from "node:http";
import { type WebSocket, WebSocketServer } from "ws";
import { generateKeyPair, type KeyPair, parsePublicKey } from "../../src/identity/key.ts";
import { type HostFrame, type NetworkFrame, parseHostFrame } from "../../src/protocol/frame.ts";
import { hostLinkPath, newNonce, protocolVersion, signTranscript } from "../../src/protocol/handshake.ts";

/** One host's connection, seen from the orchestrator's end. */
export interface RawLink {
  send(frame: NetworkFrame | string | Uint8Array): void;
  /** The next frame of the host; "closed" once there are no more. */
  next(): Promise<HostFrame | "closed">;
  /** The next frame that isn't a heartbeat. */
  nextSaid(): Promise<HostFrame | "closed">;
  close(): void;
}

/** An orchestrator's end of the link, that says whatever a test wants to say. */
export interface RawNetwork {
  readonly url: string;
  readonly key: KeyPair;
  /** How many connections there have been. */
  readonly connections: number;
  /** The next connection; nothing was said on it yet. */
  accept(): Promise<RawLink>;
  close(): Promise<void>;
}

/** Its address ends in `path`. */
export async function rawNetwork(path = ""): Promise<RawNetwork> {
  const server = createServer();
  const sockets = new WebSocketServer({ server, path: `${path}${hostLinkPath}` });
  const links = arrivals<RawLink>();
  let connections = 0;
  sockets.on("connection", (socket) => {
    connections += 1;
    links.push(rawLink(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return {
    url: `http://127.0.0.1:${port}${path}`,
    key: generateKeyPair(),
    get connections() {
      return connections;
    },
    accept: links.next,
    async close() {
      for (const client of sockets.clients) client.terminate();
      sockets.close();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

export interface Welcome {
  readonly heartbeatMs?: number;
  readonly protocol?: number;
  /** Signs in the orchestrator's place; by default its own key. */
  readonly signer?: KeyPair;
  /** Sent right behind the challenge, before the host could look at it. */
  readonly hasty?: readonly NetworkFrame[];
}

/** Answers the host's hello with a challenge. Returns what the host says to it. */
export async function challenge(
  network: Pick<RawNetwork, "key">,
  link: RawLink,
  welcome: Welcome = {},
): Promise<HostFrame | "closed"> {
  const hello = await link.next();
  if (hello === "closed" || hello.type !== "hello") throw new Error("The host did not say hello.");
  const nonce = newNonce();
  const transcript = {
    hostPublicKey: parsePublicKey(hello.publicKey),
    hostNonce: hello.nonce,
    networkPublicKey: network.key.publicKey,
    networkNonce: nonce,
  };
  const signature = signTranscript("network", welcome.signer ?? network.key, transcript);
  const { publicKey } = network.key;
  link.send({
    type: "challenge",
    protocol: welcome.protocol ?? protocolVersion,
    software: "raw",
    publicKey,
    nonce,
    signature,
  });
  for (const frame of welcome.hasty ?? []) link.send(frame);
  return link.next();
}

/** Lets the next host in. Returns its link, after its proof. */
export async function welcome(network: RawNetwork, { heartbeatMs = 60_000 }: Welcome = {}): Promise<RawLink> {
  const link = await network.accept();
  const proof = await challenge(network, link);
  if (proof === "closed" || proof.type !== "proof") throw new Error("The host did not prove its key.");
  link.send({ type: "welcome", hostId: "host", heartbeatMs });
  return link;
}

function rawLink(socket: WebSocket): RawLink {
  const frames = arrivals<HostFrame | "closed">();
  socket.on("message", (data: Buffer) => frames.push(parseHostFrame(data)));
  socket.on("close", () => frames.push("closed"));
  socket.on("error", () => {});
  const next = async (): Promise<HostFrame | "closed"> => {
    const frame = await frames.next();
    // It stays so: whoever asks again must not wait for ever.
    if (frame === "closed") frames.push("closed");
    return frame;
  };
  const nextSaid = async (): Promise<HostFrame | "closed"> => {
    const frame = await next();
    return frame !== "closed" && frame.type === "heartbeat" ? nextSaid() : frame;
  };
  return {
    send: (frame) =>
      socket.send(typeof frame === "string" || frame instanceof Uint8Array ? frame : JSON.stringify(frame)),
    next,
    nextSaid,
    close: () => socket.terminate(),
  };
}

function arrivals<Item>() {
  const items: Item[] = [];
  let wake: () => void = () => {};
  return {
    push(item: Item): void {
      items.push(item);
      wake();
    },
    async next(): Promise<Item> {
      for (;;) {
        const item = items.shift();
        if (item !== undefined) return item;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
