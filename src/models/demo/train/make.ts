/**
 * Makes the demo model, in three steps around the training loop:
 *
 *     npx tsx src/models/demo/train/make.ts corpus WORK_DIRECTORY [SEED]
 *     python3 src/models/demo/train/train.py WORK_DIRECTORY
 *     npx tsx src/models/demo/train/make.ts export WORK_DIRECTORY src/models/demo/demo.gguf
 *
 * A merges.json already in the directory is kept, so that training can go on with more text.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import { conversation } from "./corpus.ts";
import { writeGguf } from "./gguf.ts";
import { llamaMetadata, llamaTensors, type ModelShape } from "./llama.ts";
import { quantizedQ8 } from "./q8.ts";
import { randomFrom } from "./random.ts";
import { type Phase, trainingRows } from "./rows.ts";
import { toolCallText } from "./template.ts";
import { tokenizerOf, trainTokenizer } from "./tokenizer.ts";

const shape: ModelShape = {
  vocabularySize: 2048,
  contextLength: 2048,
  width: 192,
  layers: 4,
  feedForward: 512,
  heads: 6,
  keyValueHeads: 2,
  ropeBase: 1_000_000,
};
/** Short rows, where attention is cheap; then whole contexts, so that late answers of long chats work too. */
const phases: readonly Phase[] = [
  { rowTokens: 512, rows: 6, batches: 3000, exchangesMax: 6, repeatShare: 0.08 },
  { rowTokens: 1024, rows: 4, batches: 250, exchangesMax: 16, repeatShare: 0.05 },
];

const [command, directory, argument] = argv.slice(2);
if (command === "corpus" && directory !== undefined) makeCorpus(directory, Number(argument ?? 2));
else if (command === "export" && directory !== undefined && argument !== undefined) exportModel(directory, argument);
else throw new Error("Usage: make.ts corpus DIRECTORY [SEED] | make.ts export DIRECTORY FILE");

function makeCorpus(directory: string, seed: number): void {
  mkdirSync(directory, { recursive: true });
  const mergesFile = join(directory, "merges.json");
  if (!existsSync(mergesFile)) {
    writeFileSync(mergesFile, JSON.stringify(trainTokenizer(tokenizerTexts(), shape.vocabularySize).merges));
  }
  const tokenizer = tokenizerOf(readMerges(directory));
  writeFileSync(join(directory, "shape.json"), JSON.stringify({ ...shape, phases }));
  const random = randomFrom(seed);
  const rows = phases.map((phase) => trainingRows(random, tokenizer, phase));
  writeFileSync(join(directory, "rows.bin"), Buffer.concat(rows.map((part) => new Uint8Array(part.buffer))));
}

function* tokenizerTexts(): Generator<string> {
  const random = randomFrom(1);
  for (let index = 0; index < 12_000; index++) {
    for (const turn of conversation(random, { exchangesMax: 6, repeatShare: 0.05 }).turns)
      yield "call" in turn ? toolCallText(turn.call) : turn.content;
  }
}

function exportModel(directory: string, path: string): void {
  const merges = readMerges(directory);
  const layout: { name: string; shape: number[] }[] = JSON.parse(readFileSync(join(directory, "weights.json"), "utf8"));
  const bytes = readFileSync(join(directory, "weights.f32"));
  const weights = new Map<string, Float32Array>();
  let start = 0;
  for (const { name, shape } of layout) {
    const count = shape.reduce((product, size) => product * size, 1);
    weights.set(
      name,
      new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + start + count * 4)),
    );
    start += count * 4;
  }
  const tensors = llamaTensors(shape).map((tensor) => {
    const values = weights.get(tensor.name);
    if (values === undefined) throw new Error(`The weights lack ${tensor.name}.`);
    const encoded = () => [tensor.type === "F32" ? new Uint8Array(values.buffer) : quantizedQ8(values)];
    return { ...tensor, bytes: encoded };
  });
  const metadata = llamaMetadata(shape, tokenizerOf(merges), { name: "PeerLLM Demo", license: "mit" });
  writeGguf(path, metadata, tensors);
}

function readMerges(directory: string): string[] {
  return JSON.parse(readFileSync(join(directory, "merges.json"), "utf8"));
}
