import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

export interface FileServer {
  readonly url: string;
  /** The `Range` of every request so far, in order. */
  readonly ranges: (string | undefined)[];
  close(): Promise<void>;
}

/** What to do with one request, by its number from 0; undefined serves the bytes as they are. */
export type Mischief = (request: number, response: ServerResponse, incoming: IncomingMessage) => Trick | undefined;

export interface Trick {
  /** Changes the bytes before they are sent. */
  readonly bytes?: (whole: Buffer) => Buffer;
  /** Stops sending after this many bytes: then hangs until the client leaves, or breaks the connection. */
  readonly after?: { readonly bytes: number; readonly ending: "hang" | "break" };
  readonly status?: number;
  /** Sends the whole with status 200, whatever range was asked for, as some servers do. */
  readonly ignoresRange?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Serves `whole` under every path, by HTTP Range, on loopback. */
export async function fileServer(whole: Buffer, mischief: Mischief = () => undefined): Promise<FileServer> {
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    const trick = mischief(ranges.length, response, request);
    ranges.push(request.headers.range);
    const body = trick?.bytes === undefined ? whole : trick.bytes(Buffer.from(whole));
    const asked = trick?.ignoresRange === true ? "" : (request.headers.range ?? "");
    const match = /^bytes=(\d+)-(\d*)$/.exec(asked);
    const start = Number(match?.[1] ?? 0);
    const end = match?.[2] === undefined || match[2] === "" ? body.length : Number(match[2]) + 1;
    const part = body.subarray(start, Math.min(end, body.length));
    response.writeHead(trick?.status ?? (match === null ? 200 : 206), {
      "content-length": trick?.status === undefined ? part.length : 0,
      ...(match === null ? {} : { "content-range": `bytes ${start}-${start + part.length - 1}/${body.length}` }),
      ...trick?.headers,
    });
    if (trick?.status !== undefined) return void response.end();
    if (trick?.after === undefined) return void response.end(part);
    const { bytes, ending } = trick.after;
    response.write(part.subarray(0, bytes), () => {
      if (ending === "break") response.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return {
    url: `http://127.0.0.1:${port}`,
    ranges,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
