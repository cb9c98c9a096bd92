import { readFileSync } from "node:fs";
import { PeerError } from "../errors.ts";
import { packageFile } from "../paths.ts";
import { bucketCount } from "./features.ts";
import { categories } from "./policy.ts";

/** Buckets of the head that guesses the category; a power of two. */
export const topicBucketCount = 1 << 13;

/** A trained classifier. A weight is its int8 times the head's scale. */
export interface Weights {
  readonly bias: number;
  readonly scale: number;
  readonly binary: Int8Array;
  readonly topicScale: number;
  readonly topicBiases: readonly number[];
  /** Bucket by bucket, one weight per category. */
  readonly topics: Int8Array;
  /** Score = logistic(slope · (margin − penalty · ln(words / 25)) + intercept), the penalty from 25 words on. */
  readonly slope: number;
  readonly intercept: number;
  readonly penalty: number;
}

const magic = "peerllm-triage-1\n";

export function encodeWeights(weights: Weights): Buffer {
  const { binary, topics, ...rest } = weights;
  const header = Buffer.from(`${magic}${JSON.stringify(rest)}\n`);
  return Buffer.concat([header, Buffer.from(binary.buffer), Buffer.from(topics.buffer)]);
}

/** Throws `config_invalid` when the bytes are not a classifier of this version. */
export function decodeWeights(bytes: Buffer): Weights {
  const end = bytes.indexOf("\n", magic.length);
  const topicsAt = end + 1 + bucketCount;
  const size = topicsAt + topicBucketCount * categories.length;
  if (bytes.toString("utf8", 0, magic.length) !== magic || end < 0 || bytes.length !== size) {
    throw new PeerError("config_invalid", "The safety classifier's weights are damaged. Install PeerLLM again.");
  }
  const rest: Omit<Weights, "binary" | "topics"> = JSON.parse(bytes.toString("utf8", magic.length, end));
  return {
    ...rest,
    binary: new Int8Array(bytes.subarray(end + 1, topicsAt)),
    topics: new Int8Array(bytes.subarray(topicsAt, size)),
  };
}

let loaded: Weights | undefined;

/** The weights in the package, read once. */
export function packagedWeights(): Weights {
  loaded ??= decodeWeights(readFileSync(packageFile("src/safety/triage.weights")));
  return loaded;
}
