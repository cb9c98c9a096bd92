import { mkdir } from "node:fs/promises";
import { type Lock, type LockRecord, takeLock } from "../src/client/lock.ts";
import { lockPath } from "../src/client/run-record.ts";
import { PeerError } from "../src/errors.ts";
import type { Home } from "../src/paths.ts";
import { type RoleName, stopCommands } from "../src/protocol/control.ts";

/** Takes the right to be the one daemon of a role in a home. Throws `already_running`, naming the holder. */
export async function acquireLock(home: Home, role: RoleName, startedAt: number): Promise<Lock> {
  await mkdir(home.runDirectory, { recursive: true, mode: 0o700 });
  return takeLock(lockPath(home, role), startedAt, async (holder) => {
    throw alreadyRunning(home, role, holder);
  });
}

function alreadyRunning(home: Home, role: RoleName, holder: LockRecord): PeerError {
  return new PeerError(
    "already_running",
    `The ${role} daemon of "${home.root}" is running already, as process ${holder.pid}.`,
    { hint: `Stop it with "${stopCommands[role]}", or use another home with --home.` },
  );
}
