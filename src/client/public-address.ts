import { type LookupAddress, promises } from "node:dns";
import type { LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";
import { PeerError } from "../errors.ts";

/** Every address a name stands for, now. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

export const systemResolve: Resolve = (hostname) => promises.lookup(hostname, { all: true });

/** All of IPv6 that is given out for the public internet; the rest is nobody's yet, or carries an IPv4 address. */
const globalUnicast = ipaddr.IPv6.parseCIDR("2000::/3");

/**
 * Whether an IP address is one of the public internet: not this machine's, not a private, link-local, shared, reserved
 * or multicast one, and not an IPv6 form that carries such an IPv4 address. Source: IANA special-purpose registries,
 * IANA IPv6 address space.
 */
export function isPublicAddress(address: string): boolean {
  const bare = address.replace(/^\[|\]$/g, "");
  if (!ipaddr.isValid(bare)) return false;
  const parsed = ipaddr.process(bare);
  if (parsed instanceof ipaddr.IPv6 && !parsed.match(globalUnicast)) return false;
  return parsed.range() === "unicast";
}

/** Throws `address_refused` for a URL whose host is written as an address that is not public. */
export function checkLiteralAddress(url: URL): void {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (ipaddr.isValid(host) && !isPublicAddress(host)) throw refused(url.hostname, host);
}

/**
 * A socket's own lookup that fails with `address_refused` unless every address of the name is public. It is asked for
 * each connection, so a name that changes its answer after a check gains nothing.
 */
export function publicLookup(resolve: Resolve): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname).then(
      (addresses) => {
        const [first] = addresses;
        const bad = addresses.find(({ address }) => !isPublicAddress(address));
        if (bad !== undefined) return callback(refused(hostname, bad.address), "", 4);
        if (first === undefined) return callback(new Error(`"${hostname}" has no address`), "", 4);
        if (options.all === true) return callback(null, [...addresses]);
        callback(null, first.address, first.family);
      },
      (error) => callback(error instanceof Error ? error : new Error(String(error)), "", 4),
    );
  };
}

function refused(hostname: string, address: string): PeerError {
  const isLiteral = hostname.replace(/^\[|\]$/g, "") === address;
  const what = isLiteral ? `"${address}" is` : `"${hostname}" leads to ${address}, which is`;
  return new PeerError("address_refused", `${what} not on the public internet.`, {
    hint: "Models are fetched from public addresses only.",
  });
}
