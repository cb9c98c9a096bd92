import { PeerError } from "../errors.ts";
import type { Exposure, ShownPart } from "../scheduling/exposure.ts";
import type { Hosts } from "./ports.ts";

/** The largest part of a masked prompt that one owner may see under `privacy: "strict"`. */
export const strictShareMax = 0.5;

/**
 * Sets aside who may see what, before anyone sees anything: a prompt that can't be divided among the owners who serve the
 * model now is refused whole. Throws `privacy_unsatisfiable`.
 */
export function reserveShares(exposure: Exposure, parts: readonly ShownPart[], hosts: Hosts, digest: string): void {
  for (const { tokens } of parts) requirePart(exposure, tokens);
  const owners = ownersOf(hosts, digest);
  if (owners.length > 0 && !exposure.reserve(parts, owners)) throw tooFewOwners(owners.length);
}

/** Throws `privacy_unsatisfiable` where no owner of a host may be shown this part, now that others were shown. */
export function requireShare(exposure: Exposure, part: ShownPart, hosts: Hosts, digest: string): void {
  requirePart(exposure, part.tokens);
  const owners = ownersOf(hosts, digest);
  if (owners.length > 0 && !owners.some((owner) => exposure.mayShow(owner, part))) throw tooFewOwners(owners.length);
}

function requirePart(exposure: Exposure, tokens: number): void {
  if (exposure.mayShowAnyone(tokens)) return;
  throw new PeerError(
    "privacy_unsatisfiable",
    "Strict privacy shows no owner more than half of a prompt, and this one can't be split finely enough.",
    {
      hint: 'Ask with privacy "standard", or send several independent questions at once.',
      parameter: "peerllm.privacy",
    },
  );
}

function tooFewOwners(owners: number): PeerError {
  return new PeerError(
    "privacy_unsatisfiable",
    `Strict privacy shows no owner more than half of a prompt, and only ${owners} owner(s) serve this model now.`,
    { hint: 'Ask with privacy "standard", or wait until more owners serve the model.', parameter: "peerllm.privacy" },
  );
}

function ownersOf(hosts: Hosts, digest: string): readonly string[] {
  const offering = hosts.members().filter((member) => member.offerOf(digest) !== undefined);
  return [...new Set(offering.map(({ owner }) => owner))];
}
