import { once } from "node:events";
import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { type Claimant, claimHeader, sealClaim } from "../../src/models/claim.ts";
import { modelId, sealManifest, signedManifestJson } from "../../src/models/manifest.ts";
import { controlVersion } from "../../src/protocol/control.ts";
import { networkMethods } from "../../src/protocol/control-methods.ts";
import type { TestModel } from "../worlds/published-model.ts";
import { introduce, type RawHost, rawHost } from "../worlds/raw-host.ts";
import { mutateBytes, mutateJson } from "./mutation.ts";
import type { Random } from "./random.ts";

/** Where one mutated thing is thrown. Resolves once it was answered or cut off; rejects with what is wrong. */
export interface Target {
  throwOne(random: Random): Promise<void>;
  close(): void;
}

export interface TargetWorld {
  /** The orchestrator's. */
  readonly url: string;
  readonly apiKey: string;
  readonly claimant: Claimant;
  readonly controlSocket: string;
  /** Signed, and published there. */
  readonly model: TestModel;
  /** Frames of hosts as they travel, from the protocol's vectors. */
  readonly hostFrames: readonly string[];
}

/** Longest that one answer may take. */
const answerMsMax = 60_000;

/** Frames of a host, half of them thrown in the handshake, half at a seated host's session. */
export function linkTarget({ url, apiKey, hostFrames }: TargetWorld): Target {
  let seated: RawHost | null = null;
  let sequence = 0;
  return {
    async throwOne(random) {
      const bytes = mutateJson(JSON.parse(random.pick(hostFrames)), random);
      const frame = random.below(2) === 0 ? bytes : bytes.toString();
      if (random.below(2) === 0) {
        const stranger = await within(rawHost(url), "the host link");
        stranger.send(frame);
        await within(stranger.next(), "the handshake's answer");
        stranger.close();
        return;
      }
      seated ??= await takeSeat(url, apiKey);
      sequence += 1;
      seated.send(frame);
      seated.send({ type: "heartbeat", sequence, activeSubtasks: 0 });
      if ((await within(untilAcknowledged(seated, sequence), "a heartbeat's answer")) === "closed") seated = null;
    },
    close: () => seated?.close(),
  };
}

/** OpenAI's and the network's own requests: bodies, addresses and headers. */
export function requestTarget(world: TargetWorld): Target {
  const send = createSender(world);
  const model = modelId(world.model.signed.manifest);
  const requests = requestsFor(model);
  return {
    async throwOne(random) {
      const { method, path, body } = random.pick(requests);
      if (random.below(10) === 0) {
        const head = `${method} ${path} HTTP/1.1\r\nhost: ${new URL(world.url).host}\r\ncontent-type: application/json\r\n`;
        const raw = Buffer.from(`${head}content-length: 2\r\nauthorization: Bearer ${world.apiKey}\r\n\r\n{}`);
        return throwRaw(world.url, mutateBytes(raw, random));
      }
      const target = random.below(8) === 0 ? pathText(mutateBytes(Buffer.from(path), random)) : path;
      const bytes = method === "POST" ? mutateJson(body, random) : Buffer.alloc(0);
      await send(method, target, bytes, { "content-type": "application/json" });
    },
    close: send.close,
  };
}

/** Signed manifests (altered, or altered and sealed again), uploads and withdrawals. */
export function registryTarget(world: TargetWorld): Target {
  const send = createSender(world);
  const { signed, key, bytes } = world.model;
  const { manifest, bundle } = signed;
  const path = (name: string, version: string) => `/api/v1/registry/models/${name}/${version}`;
  return {
    async throwOne(random) {
      switch (random.below(6)) {
        case 0: {
          const digest = random.below(3) === 0 ? manifest.digest : randomDigest(random);
          const headers = { "upload-offset": random.pick(["0", "-1", "1e9", "9007199254740993", "x", "1024"]) };
          return send(
            "PATCH",
            `/api/v1/registry/uploads/${digest}`,
            mutateBytes(bytes.subarray(0, 256), random),
            headers,
          );
        }
        case 1: {
          const range = mutateBytes(Buffer.from("bytes=0-99,200-"), random).toString("latin1");
          const headers = { range: range.replace(/[^\x20-\x7e]/g, "x") };
          return send("GET", `/api/v1/registry/blobs/${manifest.digest}`, Buffer.alloc(0), headers);
        }
        case 2:
          return send(
            "POST",
            `${path(manifest.name, manifest.version)}/yank`,
            mutateJson({ seal: signed.seal }, random),
          );
        case 3: {
          const version = `1.0.${1 + random.below(1_000)}`;
          const changed = { ...manifest, version, ...changedFields(manifest, random) };
          const sealed = signedManifestJson(sealManifest(changed, bundle, key));
          const headers = { [claimHeader]: sealClaim(changed, world.claimant, key) };
          return send("PUT", path(manifest.name, version), Buffer.from(JSON.stringify(sealed)), headers);
        }
        default: {
          const body = mutateJson(signedManifestJson(signed), random);
          return send("PUT", path(manifest.name, manifest.version), body);
        }
      }
    },
    close: send.close,
  };
}

/** Lines on the control socket. No call of a method that stops the daemon is made. */
export function controlTarget({ controlSocket }: TargetWorld): Target {
  let socket: Socket | null = null;
  let closed: Promise<unknown> = Promise.resolve();
  const methods = Object.keys(networkMethods);
  return {
    async throwOne(random) {
      if (socket === null || socket.destroyed || !socket.writable) {
        socket = connect(controlSocket);
        socket.on("error", () => {});
        await within(once(socket, "connect"), "the control socket");
        closed = once(socket, "close");
      }
      const params = { account: "account_x", usd: "1.00", uses: 1, hours: 1, usdPer100kTokens: "1.00", policy: {} };
      const call = {
        kind: "call",
        version: controlVersion,
        id: 1 + random.below(1_000),
        method: random.pick(methods),
        params,
      };
      const line = mutateJson(call, random).toString("latin1").replaceAll("\n", " ");
      // Answered or not, what comes after it is, or the socket is closed.
      const pinged = untilText(socket, '"id":1001');
      const ping = JSON.stringify({ kind: "call", version: controlVersion, id: 1_001, method: "ping", params: {} });
      socket.write(`${line}\n${ping}\n`);
      await within(Promise.race([pinged, closed]), "an answer on the control socket");
    },
    close: () => void socket?.destroy(),
  };
}

/** Joins as a new host, with a key of its own. */
async function takeSeat(url: string, apiKey: string): Promise<RawHost> {
  const host = await within(rawHost(url), "the host link");
  const answer = await within(introduce(host, { apiKey }), "the handshake's end");
  if (answer === "closed" || answer.type !== "welcome") throw new Error("A host that proved its key was not let in.");
  return host;
}

async function untilAcknowledged(host: RawHost, sequence: number): Promise<"acknowledged" | "closed"> {
  for (;;) {
    const frame = await host.next();
    if (frame === "closed") return frame;
    if (frame.type === "heartbeat-ack" && frame.sequence === sequence) return "acknowledged";
  }
}

interface Sender {
  (method: string, path: string, body: Buffer, headers?: Readonly<Record<string, string>>): Promise<void>;
  close(): void;
}

/** Sends one request and reads its whole answer; a status of 500 is what is looked for. */
function createSender({ url, apiKey }: TargetWorld): Sender {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const { hostname, port } = new URL(url);
  const send = async (method: string, path: string, body: Buffer, headers: Readonly<Record<string, string>> = {}) => {
    const sent = request({
      agent,
      hostname,
      port,
      method,
      path,
      headers: { authorization: `Bearer ${apiKey}`, "content-length": String(body.length), ...headers },
      signal: AbortSignal.timeout(answerMsMax),
    });
    sent.end(body);
    const [response] = await once(sent, "response");
    let text = "";
    for await (const chunk of response) text += chunk;
    if (response.statusCode === 500) throw new Error(`${method} ${path} is answered by 500: ${text.slice(0, 300)}`);
  };
  return Object.assign(send, { close: () => agent.destroy() });
}

/** Bytes on a connection of their own, which is ended after them. */
async function throwRaw(url: string, bytes: Buffer): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  const closed = once(socket, "close");
  socket.resume().end(bytes);
  await within(closed, "the end of a connection");
}

function requestsFor(model: string) {
  const messages = [
    { role: "system", content: "You are terse." },
    { role: "user", content: "Write to Maria Lopez at maria.lopez@example.org, card 4111 1111 1111 1111, about Rome." },
  ];
  const sampling = { temperature: 0.5, top_p: 0.9, max_tokens: 16, stop: ["\n\n"], seed: 1, n: 2, user: "u" };
  const chat = { model, messages, ...sampling, stream: true, stream_options: { include_usage: true } };
  const post = (path: string, body: unknown) => ({ method: "POST", path, body });
  const get = (path: string) => ({ method: "GET", path, body: null });
  return [
    post("/v1/chat/completions", chat),
    post("/v1/chat/completions", { model, messages, peerllm: { privacy: "strict", plan: "split" } }),
    post("/v1/completions", { model, prompt: ["1. Who? 2. What?", "Why?"], ...sampling }),
    post("/v1/moderations", { input: ["How do I bake bread?", messages[1]?.content] }),
    post("/api/v1/accounts", { name: "Ada", email: "ada@example.org" }),
    post("/api/v1/account/keys", { name: "k", scopes: ["consume"], budgetUsdPerDay: "1.00", budgetUsdPerMonth: null }),
    get("/v1/models/acme/tiny:1.0.0"),
    get("/api/v1/billing/usage?by=day&days=30"),
    get("/api/v1/models?search=tiny"),
    get("/api/v1/receipts/receipt_aaaaaaaaaaaaaaaaaaaaaaaaaa"),
  ];
}

function changedFields(manifest: TestModel["signed"]["manifest"], random: Random) {
  switch (random.below(4)) {
    case 0:
      return { sizeBytes: manifest.sizeBytes + random.below(3) };
    case 1:
      return { digest: randomDigest(random) };
    case 2:
      return { source: random.pick(["https://127.0.0.1:1/x.gguf", "https://localhost/x.gguf", "hf:a/b/c.gguf/../d"]) };
    default:
      return {
        facts: { ...manifest.facts, contextLength: random.below(9), architecture: "x".repeat(random.below(99)) },
      };
  }
}

function randomDigest(random: Random): string {
  return Array.from({ length: 64 }, () => random.below(16).toString(16)).join("");
}

/** Something that may stand in a request's first line. */
function pathText(bytes: Buffer): string {
  return `/${bytes.toString("latin1").replace(/[^\x21-\x7e]/g, "%")}`.replace(/^\/+/, "/");
}

/** Never resolves where the socket closes before. */
async function untilText(socket: Socket, text: string): Promise<void> {
  let heard = "";
  await new Promise<void>((resolve) => {
    const onData = (data: Buffer) => {
      heard = heard.slice(-text.length) + data.toString("latin1");
      if (!heard.includes(text)) return;
      socket.off("data", onData);
      resolve();
    };
    socket.on("data", onData);
  });
}

/** Throws where what was waited for did not come in a minute. */
export async function within<Value>(waited: Promise<Value>, what: string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${answerMsMax} ms`)), answerMsMax);
  });
  return Promise.race([waited, late]).finally(() => clearTimeout(timer));
}
