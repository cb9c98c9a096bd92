import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { PeerError } from "../errors.ts";
import { ifThere } from "../if-there.ts";
import type { Home } from "../paths.ts";
import { writePrivateFile } from "../private-file.ts";

const storedAccountSchema = z.object({
  networkUrl: z.string(),
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
  const text = await ifThere(readFile(path, "utf8"));
  if (text === null) return [];
  try {
    return accountFileSchema.parse(JSON.parse(text)).accounts;
  } catch {
    throw new PeerError("config_invalid", `"${path}" is damaged.`, {
      hint: "Repair it, or move it away and create an account anew.",
    });
  }
}

/**
 * Keeps the account as the one that commands use from now on. Those made before stay: their keys were shown once and
 * may stand for credit.
 */
export async function storeAccount(home: Home, account: StoredAccount): Promise<void> {
  const others = (await readAccounts(home)).filter((other) => other.accountId !== account.accountId);
  const document = { version: 1, accounts: [account, ...others] };
  await writePrivateFile(accountFilePath(home), `${JSON.stringify(document, null, 2)}\n`);
}
