import * as z from "zod";
import { boundedList } from "../bounded-list.ts";
import { PeerError } from "../errors.ts";
import { requireSameProtocol, type Side } from "./handshake.ts";

/** Most bytes in one frame. The longest is a prompt: 131,072 token ids of up to 7 characters with commas. */
export const frameBytesMax = 1_500_000;
/** Most token ids in one prompt or answer. */
export const tokensMax = 131_072;
/** The fastest that a model may be offered as, in tokens per second. */
export const offeredRateMax = 10_000_000;
/** A longer heartbeat silence than this many intervals means the link is wedged, and it is rebuilt. */
export const heartbeatIntervalsMax = 3;
export const heartbeatIntervalMs = 5_000;
/** A side that leaves more than this unread is cut off: what waits for it lies in the other's memory. */
export const unreadBytesMax = 32 * 1_048_576;

const key = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const nonce = key;
const signature = z.string().regex(/^[A-Za-z0-9_-]{86}$/);
const subtask = z.string().regex(/^subtask_[a-z2-7]{26}$/);
const epoch = z.int().min(1).max(1_000_000);
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const count = z.int().min(0).max(10_000_000);
const rate = z.number().min(0).max(offeredRateMax);
const tokens = boundedList(z.int().min(0).max(4_294_967_295), { max: tokensMax });
/** As long as its frame may be. */
const text = z.string();
const elapsedMs = z.number().min(0).max(86_400_000);

const prompt = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("tokens"), tokens }),
  z.strictObject({ kind: z.literal("text"), text }),
  z.strictObject({
    kind: z.literal("chat"),
    messages: boundedList(z.strictObject({ role: z.enum(["system", "user", "assistant", "tool"]), content: text }), {
      max: 4_096,
    }),
  }),
]);

const sampling = z.strictObject({
  temperature: z.number().min(0).max(2),
  topP: z.number().gt(0).max(1),
  seed: z.int().min(0).max(4_294_967_295),
  maxTokens: z.int().min(1).max(tokensMax),
  stop: boundedList(z.string().min(1).max(1_024), { max: 16 }),
});

const offeredModel = z.strictObject({
  model: z.string().min(1).max(256),
  digest,
  contextLength: z.int().min(1).max(tokensMax),
  sequences: z.int().min(1).max(1_024),
  reportsTokens: z.boolean(),
  prefillTokensPerSecond: rate,
  /** Of one answer alone, and of all sequences together. */
  decodeTokensPerSecond: rate,
  decodeTokensPerSecondAtAllSequences: rate,
});

const statement = z.strictObject({
  subtask,
  epoch,
  digest,
  promptTokens: count,
  completionTokens: count,
  /** SHA-256 of the answer's token ids, each as a 32-bit little-endian integer; of its UTF-8 text where there are no ids. */
  answerDigest: digest,
  firstTokenMs: elapsedMs,
  elapsedMs,
  signature,
});

/** Frames a host sends. */
const hostFrame = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("hello"),
    protocol: z.int().min(0).max(65_535),
    software: z.string().max(64),
    publicKey: key,
    nonce,
  }),
  z.strictObject({ type: z.literal("proof"), signature, apiKey: z.string().max(256) }),
  z.strictObject({
    type: z.literal("offer"),
    models: boundedList(offeredModel, { max: 256 }),
    isAccepting: z.boolean(),
  }),
  z.strictObject({ type: z.literal("heartbeat"), sequence: count, activeSubtasks: count }),
  z.strictObject({ type: z.literal("delta"), subtask, epoch, position: count, tokens, text }),
  z.strictObject({
    type: z.literal("end"),
    subtask,
    epoch,
    finishReason: z.enum(["stop", "length"]),
    cachedTokens: count,
    statement,
  }),
  z.strictObject({
    type: z.literal("failed"),
    subtask,
    epoch,
    code: z.string().max(64),
    /** The host's statement of what it delivered before it failed, where it still could make one. */
    statement: statement.nullable(),
  }),
]);

/** Frames the orchestrator sends. */
const networkFrame = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("challenge"),
    protocol: z.int().min(0).max(65_535),
    software: z.string().max(64),
    publicKey: key,
    nonce,
    signature,
  }),
  z.strictObject({
    type: z.literal("welcome"),
    hostId: z.string().max(64),
    heartbeatMs: z.int().min(100).max(600_000),
  }),
  z.strictObject({ type: z.literal("refused"), code: z.string().max(64), message: z.string().max(1_024) }),
  z.strictObject({ type: z.literal("heartbeat-ack"), sequence: count }),
  z.strictObject({ type: z.literal("entitlement"), isEntitled: z.boolean() }),
  z.strictObject({
    type: z.literal("run"),
    subtask,
    epoch,
    digest,
    prompt,
    resumedTokens: tokens,
    sampling,
    cacheKey: z.string().max(128),
  }),
  z.strictObject({ type: z.literal("cancel"), subtask, epoch }),
]);

export type HostFrame = z.infer<typeof hostFrame>;
export type NetworkFrame = z.infer<typeof networkFrame>;
export type OfferedModel = z.infer<typeof offeredModel>;

/**
 * Parses a frame that a host sent. Throws `protocol_violation`, or for the greeting of another protocol
 * `protocol_incompatible`; the message never quotes the frame's content.
 */
export function parseHostFrame(bytes: Uint8Array): HostFrame {
  return parse(hostFrame, "host", bytes);
}

/** Parses a frame that the orchestrator sent. Throws as `parseHostFrame`. */
export function parseNetworkFrame(bytes: Uint8Array): NetworkFrame {
  return parse(networkFrame, "network", bytes);
}

/** The frame as it travels: one JSON text. Throws `request_too_large` past `frameBytesMax`. */
export function encodeFrame(frame: HostFrame | NetworkFrame): string {
  const encoded = JSON.stringify(frame);
  const sizeBytes = Buffer.byteLength(encoded);
  if (sizeBytes > frameBytesMax) {
    throw new PeerError("request_too_large", `A ${frame.type} frame of ${sizeBytes} bytes is over ${frameBytesMax}.`);
  }
  return encoded;
}

/** What a first frame has in common in all protocols: its other fields may be another's. */
const greeting = z.object({ type: z.enum(["hello", "challenge"]), protocol: z.int() });

function parse<Frame>(schema: z.ZodType<Frame>, side: Side, bytes: Uint8Array): Frame {
  if (bytes.byteLength > frameBytesMax) {
    throw new PeerError("protocol_violation", `A frame of ${bytes.byteLength} bytes is over ${frameBytesMax}.`);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  } catch {
    throw new PeerError("protocol_violation", "A frame is not JSON.");
  }
  const greeted = greeting.safeParse(value);
  if (greeted.success) requireSameProtocol(greeted.data.protocol, side);
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const where = result.error.issues[0]?.path.join(".") ?? "";
  throw new PeerError("protocol_violation", `A frame is malformed${where === "" ? "" : ` at "${where}"`}.`);
}
