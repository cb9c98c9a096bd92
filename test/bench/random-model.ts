import { existsSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ModelShape } from "../../src/models/demo/train/llama.ts";
import { writeRandomModel } from "../../src/models/demo/train/random-model.ts";

/** A random Q8_0 model of that shape, made once and kept in the system's temporary folder. */
export async function randomModelFile(shape: ModelShape, seed: number): Promise<string> {
  const directory = join(tmpdir(), "peerllm-bench");
  const file = join(
    directory,
    `shape-${shape.layers}x${shape.width}-v${shape.vocabularySize}-c${shape.contextLength}-s${seed}.gguf`,
  );
  if (existsSync(file)) return file;
  await mkdir(directory, { recursive: true });
  const partial = `${file}.${process.pid}`;
  writeRandomModel(partial, shape, seed);
  await rename(partial, file);
  return file;
}
