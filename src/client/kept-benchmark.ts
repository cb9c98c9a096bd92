import { join } from "node:path";
import * as z from "zod";
import { PeerError } from "../errors.ts";
import { readIfThere } from "../if-there.ts";
import type { Home } from "../paths.ts";
import { writePrivateFile } from "../private-file.ts";

const keptBenchmarkSchema = z.object({
  version: z.literal(1),
  measuredAt: z.number(),
  model: z.string(),
  /** Answers at once. */
  sequences: z.int().positive(),
  prefillTokensPerSecond: z.number(),
  /** Of one answer alone. */
  decodeTokensPerSecond: z.number(),
  /** Of all answers together. */
  decodeTokensPerSecondAtAllSequences: z.number(),
});
/** What a host of this home measured last, kept when it is gone. */
export type KeptBenchmark = Omit<z.infer<typeof keptBenchmarkSchema>, "version">;

function benchmarkPath(home: Home): string {
  return join(home.root, "benchmark.json");
}

export async function keepBenchmark(home: Home, benchmark: KeptBenchmark): Promise<void> {
  await writePrivateFile(benchmarkPath(home), `${JSON.stringify({ version: 1, ...benchmark }, null, 2)}\n`);
}

/** Null where no host of this home measured anything. Throws `config_invalid` where the file was damaged. */
export async function readKeptBenchmark(home: Home): Promise<KeptBenchmark | null> {
  const path = benchmarkPath(home);
  const text = await readIfThere(path);
  if (text === null) return null;
  try {
    const { version: _version, ...benchmark } = keptBenchmarkSchema.parse(JSON.parse(text));
    return benchmark;
  } catch (cause) {
    throw new PeerError("config_invalid", `"${path}" is damaged.`, {
      cause,
      hint: 'Remove it; "peerllm host up" measures anew.',
    });
  }
}
