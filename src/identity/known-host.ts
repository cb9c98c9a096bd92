import type { Millis } from "../clock.ts";
import type { AccountId, HostId } from "../ids.ts";

/** A host that has proved its key at least once. */
export interface KnownHost {
  readonly id: HostId;
  readonly accountId: AccountId;
  /** Ed25519, as the host's handshake writes it. */
  readonly publicKey: string;
  readonly firstSeenAt: Millis;
  readonly lastSeenAt: Millis;
  /** The last benchmark it advertised, as JSON, or null. */
  readonly benchmark: string | null;
}

export interface HostStore {
  /** First or further sighting. Throws `permission_denied` where the host belongs to another account or key. */
  seen(host: { readonly id: HostId; readonly accountId: AccountId; readonly publicKey: string }): Promise<KnownHost>;
  setBenchmark(id: HostId, benchmark: string): Promise<void>;
  find(id: HostId): Promise<KnownHost | null>;
  /** All hosts, or those of one account; oldest first. */
  list(accountId: AccountId | null): Promise<readonly KnownHost[]>;
}
