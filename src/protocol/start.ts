import * as z from "zod";
import { PeerError } from "../errors.ts";
import { benchmarkSchema } from "./control-methods.ts";
import { tokensMax } from "./frame.ts";

/**
 * What a command hands to the daemon it starts (on its standard input, since keys are among it), and what the daemon
 * answers once it serves. Paths are absolute, ports 0 to 65535 where 0 picks a free one.
 */
const port = z.int().min(0).max(65_535);
const url = z.url({ protocol: /^https?$/ });

/** Web pages that may call a server, as browsers name them: "https://app.example". */
export const allowedOrigins = z
  .array(z.string().regex(/^[a-z][a-z0-9+.-]*:\/\/[^\s/?#*]+$/, "must be an origin like https://app.example"))
  .max(64)
  .default([]);

export const defaultPorts = { network: 7420, proxy: 7421, local: 7422 } as const;

export const networkStartSchema = z.object({
  port: port.default(defaultPorts.network),
  listen: z.string().default("127.0.0.1"),
  /** Whether accounts need an invite. Null: as before; a new network is open. */
  isPrivate: z.boolean().nullable().default(null),
  /** Null: as before; `credits` for a new network. */
  billing: z.enum(["off", "credits", "paypal"]).nullable().default(null),
  tlsCertificate: z.string().nullable().default(null),
  tlsKey: z.string().nullable().default(null),
  /** Listen beyond loopback without TLS. */
  allowsClear: z.boolean().default(false),
  /** Names the orchestrator is called by, beside its addresses and those of its certificate. */
  hostNames: z.array(z.string()).max(64).default([]),
  allowedOrigins,
  guardModel: z.string().nullable().default(null),
  /** The operator's own words to mask, beside what is detected, for those who call the network directly. */
  maskedWords: z.array(z.string()).max(1_000).default([]),
  /** Where hf: sources are read from; its address is trusted, be it inside. Null: Hugging Face. */
  hubUrl: url.nullable().default(null),
});
export type NetworkStart = z.infer<typeof networkStartSchema>;
/** `url` is without `/v1`. */
export const networkReadySchema = z.looseObject({ url: z.string(), pid: z.int(), networkId: z.string() });

export const hostStartSchema = z.object({
  /** Null exactly where `isLocal`. */
  networkUrl: url.nullable(),
  apiKey: z.string().nullable(),
  isLocal: z.boolean().default(false),
  /** Of the local endpoint. */
  port: port.default(defaultPorts.local),
  /** Of the local endpoint too. */
  allowedOrigins,
  /** References or paths of GGUF files, beside those that are pinned; where there are none, one that fits. */
  models: z.array(z.string()).default([]),
  engine: z.enum(["llama", "openai"]).default("llama"),
  upstream: url.nullable().default(null),
  threads: z.int().min(1).max(256).nullable().default(null),
  /** auto picks the best there is. */
  gpu: z.enum(["auto", "off", "cuda", "metal", "vulkan"]).default("auto"),
  sequences: z.int().min(1).max(64).nullable().default(null),
  context: z.int().min(128).max(tokensMax).nullable().default(null),
  tokensPerSecondMax: z.number().positive().nullable().default(null),
  /** Times of day, "22:00-07:00,12:00-13:00"; null: always. */
  schedule: z.string().nullable().default(null),
});
export type HostStart = z.infer<typeof hostStartSchema>;

/** Throws `usage_invalid` where an engine, its server's address and the models don't go together. */
export function requireUpstream(start: Pick<HostStart, "engine" | "upstream" | "isLocal" | "models">): void {
  const { engine, upstream, isLocal, models } = start;
  if (engine === "openai" && upstream === null) {
    throw new PeerError("usage_invalid", "--engine openai needs --upstream, the address of the server to pass on to.");
  }
  if (engine === "llama" && upstream !== null) {
    throw new PeerError("usage_invalid", "--upstream is for --engine openai, which passes on to that server.");
  }
  if (engine === "openai" && !isLocal && models.length === 0) {
    throw new PeerError("usage_invalid", "--engine openai needs --model: which model of the network the server has.", {
      hint: 'List them with "peerllm models".',
    });
  }
}

/** `hostId` is null and `baseUrl` set where the host is local. */
export const hostReadySchema = z.looseObject({
  hostId: z.string().nullable(),
  pid: z.int(),
  models: z.array(z.string()),
  benchmark: benchmarkSchema,
  /** By the owner before this start, or by the schedule. */
  isPaused: z.boolean(),
});

export const proxyStartSchema = z.object({
  port: port.default(defaultPorts.proxy),
  allowedOrigins,
  networkUrl: url,
  apiKey: z.string(),
  /** The model of requests that name none or "default"; null: the network's first. */
  model: z.string().nullable().default(null),
  privacy: z.enum(["standard", "strict"]).default("standard"),
  fallback: z.enum(["none", "local"]).default("none"),
  /** The user's own words to mask, beside what is detected. */
  maskedWords: z.array(z.string()).max(1_000).default([]),
});
/** `baseUrl` ends in `/v1`. */
export const proxyReadySchema = z.looseObject({ baseUrl: z.string(), pid: z.int() });
