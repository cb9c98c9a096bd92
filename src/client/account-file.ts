import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { systemClock } from "../clock.ts";
import { PeerError } from "../errors.ts";
import { readIfThere } from "../if-there.ts";
import type { Home } from "../paths.ts";
import { draftPrivateFile } from "../private-file.ts";
import { lockFile } from "./lock.ts";

const storedAccountSchema = z.object({
  networkUrl: z.url(),
  accountId: z.string(),
  apiKey: z.string(),
  name: z.string().nullable(),
});
/** An account on a network, and the key that speaks for it. */
export type StoredAccount = z.infer<typeof storedAccountSchema>;

const accountFileSchema = z.object({
  version: z.literal(1),
  /** The newest first: commands that name no network use it, and of several on one network the first. */
  accounts: z.array(storedAccountSchema),
});

export function accountFilePath(home: Home): string {
  return join(home.keysDirectory, "accounts.json");
}

/** The home's accounts, the newest first. Throws `config_invalid` where the file was damaged. */
export async function readAccounts(home: Home): Promise<readonly StoredAccount[]> {
  const path = accountFilePath(home);
  const text = await readIfThere(path);
  if (text === null) return [];
  try {
    return accountFileSchema.parse(JSON.parse(text)).accounts;
  } catch {
    throw new PeerError("config_invalid", `"${path}" is damaged.`, {
      hint: "Repair it, or move it away and create an account anew.",
    });
  }
}

/** What an account takes in the file, and more. */
const accountBytesMax = 4_096;

/**
 * Keeps the account that `make` gives as the one that commands use from now on. Those made before stay: their keys were
 * shown once and may stand for credit. While `make` runs, told of those, no other process changes them, and there is
 * room on disk: its key is shown to nobody else.
 */
export async function keepAccount(
  home: Home,
  make: (accounts: readonly StoredAccount[]) => Promise<StoredAccount>,
  signal: AbortSignal,
): Promise<StoredAccount> {
  const path = accountFilePath(home);
  await mkdir(home.keysDirectory, { recursive: true, mode: 0o700 });
  const lock = await lockFile(path, systemClock, signal);
  try {
    const accounts = await readAccounts(home);
    const draft = await draftPrivateFile(path, Buffer.byteLength(contentOf(accounts)) + accountBytesMax);
    try {
      const account = await make(accounts);
      const others = accounts.filter((other) => other.accountId !== account.accountId);
      await draft.publish(contentOf([account, ...others]));
      return account;
    } finally {
      await draft.close();
    }
  } finally {
    await lock.release();
  }
}

function contentOf(accounts: readonly StoredAccount[]): string {
  return `${JSON.stringify({ version: 1, accounts }, null, 2)}\n`;
}
