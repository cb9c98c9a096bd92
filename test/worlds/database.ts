import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Database } from "../../daemon/sqlite/database.ts";

export interface OpenDatabase {
  readonly database: Database;
  readonly path: string;
  close(): Promise<void>;
}

/** A database of its own in a folder of its own, which `close` removes. */
export async function freshDatabase(): Promise<OpenDatabase> {
  const folder = await mkdtemp(join(tmpdir(), "peerllm-database-"));
  const path = join(folder, "network.db");
  const database = new Database(path);
  return {
    database,
    path,
    close: async () => {
      database.close();
      await rm(folder, { recursive: true });
    },
  };
}
