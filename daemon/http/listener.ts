import { createServer as createPlainServer, type Server, type ServerOptions } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { PeerError } from "../../src/errors.ts";

/** PEM texts. */
export interface TlsIdentity {
  readonly certificate: string;
  readonly key: string;
}

/** A server that doesn't listen yet, over TLS where there is an identity. Throws `usage_invalid` for one that is none. */
export function createListener(tls: TlsIdentity | undefined, settings: ServerOptions): Server {
  if (tls === undefined) return createPlainServer(settings);
  try {
    return createTlsServer({ ...settings, cert: tls.certificate, key: tls.key });
  } catch (cause) {
    const isMismatch = codeOf(cause) === "ERR_OSSL_X509_KEY_VALUES_MISMATCH";
    const what = isMismatch ? "The TLS key is not its certificate's." : "The TLS certificate or key can't be read.";
    throw new PeerError("usage_invalid", what, {
      cause,
      hint: "Give the certificate chain with --tls-cert and its key, not encrypted, with --tls-key, both in PEM.",
    });
  }
}

/** What keeps a server from listening, by the system's code. */
const refusals: Readonly<Record<string, (port: number, address: string) => PeerError>> = {
  EADDRINUSE: (port, address) =>
    new PeerError("already_running", `Port ${port} on ${address} is taken by another program.`, {
      hint: "Choose another with --port, or --port 0 for any free one.",
    }),
  EACCES: (port, address) =>
    new PeerError("usage_invalid", `This user may not listen on port ${port} of ${address}.`, {
      hint: "Choose a port from 1024 on with --port.",
    }),
  EADDRNOTAVAIL: notOurs,
  EAFNOSUPPORT: notOurs,
  EINVAL: notOurs,
  ENOTFOUND: notOurs,
  EAI_AGAIN: notOurs,
};

function notOurs(_: number, address: string): PeerError {
  return new PeerError("usage_invalid", `"${address}" is no address of this machine.`, {
    hint: "Give --listen one of its own, or 0.0.0.0 for all of them.",
  });
}

/** Resolves with the port it listens on. Throws `already_running` or `usage_invalid`, naming port or address. */
export async function listen(server: Server, address: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    const onError = (error: Error) => reject(refusals[codeOf(error)]?.(port, address) ?? error);
    server.once("error", onError);
    server.listen(port, address, () => {
      server.off("error", onError);
      resolve();
    });
  });
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : port;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
