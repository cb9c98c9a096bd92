import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { isPeerError } from "../../src/errors.ts";
import type { ByteRange } from "../../src/models/digest.ts";

/**
 * Answers GET and HEAD with a file that never changes, named by its digest: whole, one range of it (206), nothing new
 * (304) or no such range (416). Several ranges at once are answered with the whole. Source: RFC 9110, section 13 to 14.
 */
export async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  digest: string,
  signal: AbortSignal,
): Promise<void> {
  const { size } = await stat(path);
  const etag = `"${digest}"`;
  response.setHeader("etag", etag);
  response.setHeader("accept-ranges", "bytes");
  response.setHeader("cache-control", "private, max-age=31536000, immutable");
  if (namesEtag(request.headers["if-none-match"], etag)) return void response.writeHead(304).end();
  const ifRange = request.headers["if-range"];
  // A range is of GET alone; one that goes with another version of the file is not meant any more.
  const isRangeMeant = request.method === "GET" && (ifRange === undefined || ifRange === etag);
  const range = isRangeMeant ? parseRange(request.headers.range, size) : undefined;
  if (range === "unsatisfiable") {
    return void response.writeHead(416, { "content-range": `bytes */${size}`, "content-length": 0 }).end();
  }
  const { start, end } = range ?? { start: 0, end: size };
  response.writeHead(range === undefined ? 200 : 206, {
    "content-type": "application/octet-stream",
    "content-length": end - start,
    ...(range === undefined ? {} : { "content-range": `bytes ${start}-${end - 1}/${size}` }),
  });
  if (request.method === "HEAD" || start === end) return void response.end();
  try {
    await pipeline(createReadStream(path, { start, end: end - 1, highWaterMark: 262_144 }), response, { signal });
  } catch (error) {
    // The head is out: a client that left, or a disk that failed, can only be told by breaking off.
    response.destroy();
    if (!signal.aborted && !isBrokenOff(error)) throw error;
  }
}

/** By weak comparison, as caches ask (RFC 9110, section 13.1.2). */
function namesEtag(header: string | undefined, etag: string): boolean {
  const named = header?.split(",").map((each) => each.trim().replace(/^W\//, "")) ?? [];
  return named.some((each) => each === "*" || each === etag);
}

function parseRange(header: string | undefined, size: number): ByteRange | "unsatisfiable" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  if (match[1] === "") {
    const length = Math.min(Number(match[2]), size);
    return length === 0 ? "unsatisfiable" : { start: size - length, end: size };
  }
  const start = Number(match[1]);
  const end = match[2] === "" ? size : Math.min(Number(match[2]) + 1, size);
  if (match[2] !== "" && Number(match[2]) < start) return undefined;
  return start >= size ? "unsatisfiable" : { start, end };
}

function isBrokenOff(error: unknown): boolean {
  return (
    isPeerError(error) || (error instanceof Error && "code" in error && error.code === "ERR_STREAM_PREMATURE_CLOSE")
  );
}
