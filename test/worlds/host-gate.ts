import { createServer } from "node:http";
import { HostGate } from "../../daemon/orchestrator/host-gate.ts";
import { openAccounts } from "../../daemon/sqlite/accounts.ts";
import { openHosts } from "../../daemon/sqlite/hosts.ts";
import { systemClock } from "../../src/clock.ts";
import type { Scope } from "../../src/identity/api-key.ts";
import { generateKeyPair, type KeyPair } from "../../src/identity/key.ts";
import type { AccountId } from "../../src/ids.ts";
import { silentLog } from "../../src/log.ts";
import type { HostLink, Hosts } from "../../src/pipeline/ports.ts";
import { HostPool } from "../../src/scheduling/pool.ts";
import { freshDatabase } from "./database.ts";

export interface GateWorld {
  readonly url: string;
  readonly networkKey: KeyPair;
  readonly hosts: Hosts;
  readonly gate: HostGate;
  /** A new account with one key of these scopes. */
  account(...scopes: Scope[]): Promise<GateAccount>;
  close(): Promise<void>;
}

export interface GateAccount {
  readonly accountId: AccountId;
  readonly apiKey: string;
  revoke(): Promise<void>;
}

/** A host gate on loopback, over real stores and an empty pool. Every host may be given work unless told otherwise. */
export async function gateWorld(isEntitled: () => Promise<boolean> = async () => true): Promise<GateWorld> {
  const { database, close } = await freshDatabase();
  const accounts = openAccounts(database, systemClock);
  const networkKey = generateKeyPair();
  const hosts: Hosts = new HostPool<HostLink>({ clock: systemClock, queueMax: 16 });
  const knownHosts = openHosts(database, systemClock);
  const gate = new HostGate({
    networkKey,
    accounts,
    knownHosts,
    hosts,
    clock: systemClock,
    log: silentLog,
    vitals: { event: () => {}, tokensDelivered: () => {} },
    isEntitled,
    servable: async (_accountId, digests) => new Set(digests),
  });
  const server = createServer();
  server.on("upgrade", (request, socket, head) => gate.upgrade(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The gate has no port.");
  return {
    url: `http://127.0.0.1:${address.port}`,
    networkKey,
    hosts,
    gate,
    async account(...scopes) {
      const { id } = await accounts.create({ name: "host" });
      const { key, secret } = await accounts.createKey(id, { name: "host", scopes });
      const revoke = async () => gate.keyRevoked((await accounts.revokeKey(id, key.id)).id);
      return { accountId: id, apiKey: secret, revoke };
    },
    async close() {
      gate.close();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await close();
    },
  };
}
