import { once } from "node:events";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect, type Socket } from "node:net";

export interface RawReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface RawRequest {
  readonly method?: string;
  /** As it goes on the wire, `host` included. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The certificate that an https server must show, whatever name it was called by. */
  readonly ca?: string;
}

/** A request with headers that fetch would not let through. */
export async function rawRequest(
  url: string,
  { method = "GET", headers = {}, body, ca }: RawRequest,
): Promise<RawReply> {
  const options = { method, headers, agent: false };
  const request =
    ca === undefined
      ? httpRequest(url, options)
      : httpsRequest(url, { ...options, ca, checkServerIdentity: () => undefined });
  request.end(body);
  const [response] = await once(request, "response");
  let text = "";
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode, headers: response.headers, text };
}

/** An open connection, for bytes that no client would send. */
export async function rawConnection(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  return socket;
}

/** Everything the other end says until it hangs up. */
export async function readAll(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += chunk;
  return text;
}
