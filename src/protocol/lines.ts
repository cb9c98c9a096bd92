import { PeerError } from "../errors.ts";

/**
 * The lines of a byte stream, without their newline; a last line that never ended is dropped. Throws
 * `protocol_violation` once a line grows beyond `bytesMax`.
 */
export async function* readLines(chunks: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<string> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end));
      checkLength(bytes + end - start, bytesMax);
      yield Buffer.concat(parts).toString("utf8");
      parts = [];
      bytes = 0;
      start = end + 1;
    }
    parts.push(chunk.subarray(start));
    bytes += chunk.length - start;
    checkLength(bytes, bytesMax);
  }
}

function checkLength(bytes: number, bytesMax: number): void {
  if (bytes > bytesMax) {
    throw new PeerError("protocol_violation", `A line of more than ${bytesMax} bytes came over the control socket.`);
  }
}
