import { PeerError } from "../errors.ts";

/** OpenSSL's and Node's names of certificates that this machine has no reason to trust. */
const distrusted: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** A network that no request gets through to, with what to do about it. `cause` is what the request failed with. */
export function networkUnreachable(url: string, cause: unknown, retryAfterSeconds?: number): PeerError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
  return new PeerError(
    "network_unreachable",
    `The network at ${url} can't be reached${code === undefined ? "" : ` (${code})`}.`,
    {
      cause,
      hint: hintOf(code),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    },
  );
}

function hintOf(code: string | undefined): string {
  if (code !== undefined && distrusted.has(code)) {
    return "Its certificate is not trusted here: where it is right, name its file, or its authority's, in NODE_EXTRA_CA_CERTS.";
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return "Its certificate is for another name: call the network by that.";
  if (code === "CERT_HAS_EXPIRED") return "Its certificate has expired: tell its operator.";
  return 'Check the address (--network, PEERLLM_NETWORK) and that it is up: "peerllm network up" starts one here.';
}
