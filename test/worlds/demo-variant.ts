import { readFile } from "node:fs/promises";
import { readGgufFileInfo } from "node-llama-cpp";
import { demoModelFile } from "./answers.ts";
import { text, uint32 } from "./gguf-file.ts";

const stringType = uint32(8);
const alignmentBytes = 32;

/** The demo model with other texts in its header, by key; keys it lacks are refused. */
export async function demoVariant(changes: Readonly<Record<string, string>>): Promise<Buffer> {
  const bytes = await readFile(demoModelFile);
  const { totalMetadataSize = 0, totalTensorInfoSize = 0 } = await readGgufFileInfo(demoModelFile, {
    sourceType: "filesystem",
  });
  let header: Buffer = bytes.subarray(0, totalMetadataSize + totalTensorInfoSize);
  const weights = bytes.subarray(aligned(header.length));
  for (const [key, value] of Object.entries(changes)) header = withText(header, key, value);
  return Buffer.concat([header, Buffer.alloc(aligned(header.length) - header.length), weights]);
}

function withText(header: Buffer, key: string, value: string): Buffer {
  const start = header.indexOf(Buffer.concat([text(key), stringType]));
  if (start < 0) throw new Error(`The demo model has no text "${key}".`);
  const valueStart = start + text(key).length + stringType.length;
  const valueEnd = valueStart + 8 + Number(header.readBigUInt64LE(valueStart));
  return Buffer.concat([header.subarray(0, valueStart), text(value), header.subarray(valueEnd)]);
}

function aligned(length: number): number {
  return Math.ceil(length / alignmentBytes) * alignmentBytes;
}
