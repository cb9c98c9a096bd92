import type { Clock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import type { HostStore, KnownHost } from "../../src/identity/known-host.ts";
import type { AccountId, HostId } from "../../src/ids.ts";
import type { Statement } from "./connection.ts";
import type { Database } from "./database.ts";

interface HostRow {
  readonly id: HostId;
  readonly account_id: AccountId;
  readonly public_key: string;
  readonly first_seen_at: bigint;
  readonly last_seen_at: bigint;
  readonly benchmark: string | null;
}

/** Known hosts on SQLite. */
export function openHosts(database: Database, clock: Clock): HostStore {
  const { connection } = database;
  const upsert: Statement<[HostId, AccountId, string, bigint, bigint]> = connection.prepare(
    `INSERT INTO hosts (id, account_id, public_key, first_seen_at, last_seen_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET last_seen_at = excluded.last_seen_at
     WHERE account_id = excluded.account_id AND public_key = excluded.public_key`,
  );
  const updateBenchmark: Statement<[string, HostId]> = connection.prepare(
    "UPDATE hosts SET benchmark = ? WHERE id = ?",
  );
  const selectHost: Statement<[HostId], HostRow> = connection.prepare("SELECT * FROM hosts WHERE id = ?");
  const selectHosts: Statement<[], HostRow> = connection.prepare("SELECT * FROM hosts ORDER BY first_seen_at, id");
  const selectOf: Statement<[AccountId], HostRow> = connection.prepare(
    "SELECT * FROM hosts WHERE account_id = ? ORDER BY first_seen_at, id",
  );

  function find(id: HostId): KnownHost | null {
    const row = selectHost.get(id);
    return row === undefined ? null : hostOf(row);
  }

  function seen(host: Pick<KnownHost, "id" | "accountId" | "publicKey">): KnownHost {
    const now = BigInt(clock.now());
    const isWritten = upsert.run(host.id, host.accountId, host.publicKey, now, now).changes === 1;
    const known = find(host.id);
    if (isWritten && known !== null) return known;
    throw new PeerError("permission_denied", `${host.id} is known with another account or key.`, {
      hint: "Connect it with an API key of the account that first connected it.",
    });
  }

  return {
    seen: (host) => database.durably(() => seen(host)),
    setBenchmark: (id, benchmark) => database.promptly(() => void updateBenchmark.run(benchmark, id)),
    find: async (id) => find(id),
    list: async (accountId) => (accountId === null ? selectHosts.all() : selectOf.all(accountId)).map(hostOf),
  };
}

function hostOf(row: HostRow): KnownHost {
  return {
    id: row.id,
    accountId: row.account_id,
    publicKey: row.public_key,
    firstSeenAt: Number(row.first_seen_at),
    lastSeenAt: Number(row.last_seen_at),
    benchmark: row.benchmark,
  };
}
