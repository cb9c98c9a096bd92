import { userInfo } from "node:os";
import { keepAccount, readAccounts, type StoredAccount } from "../src/client/account-file.ts";
import { createGateway, type Gateway } from "../src/client/gateway.ts";
import { isAlive } from "../src/client/process-identity.ts";
import { readRunRecord } from "../src/client/run-record.ts";
import { PeerError } from "../src/errors.ts";
import type { Home } from "../src/paths.ts";
import { routes } from "../src/protocol/api.ts";
import { defaultPorts, networkReadySchema } from "../src/protocol/start.ts";
import type { Session } from "./session.ts";

/** The network a command means, and the account that speaks on it, where there is one. */
export interface Access {
  /** Without a trailing slash and without `/v1`. */
  readonly networkUrl: string;
  readonly apiKey: string | null;
  readonly account: StoredAccount | null;
}

/**
 * The network: as said (flag, environment, config), else the newest account's, else the one that runs in this home,
 * else this machine's default port. The key: PEERLLM_API_KEY, else the one kept for exactly that network.
 */
export async function findAccess(session: Session): Promise<Access> {
  const accounts = await readAccounts(session.home);
  const networkUrl = (await knownNetwork(session)) ?? `http://127.0.0.1:${defaultPorts.network}`;
  const account = accountOn(networkUrl, accounts) ?? null;
  const fromEnvironment = process.env.PEERLLM_API_KEY;
  if (fromEnvironment === undefined || fromEnvironment === "") {
    return { networkUrl, apiKey: account?.apiKey ?? null, account };
  }
  if (/^[\x21-\x7e]+$/.test(fromEnvironment)) return { networkUrl, apiKey: fromEnvironment, account };
  throw new PeerError("authentication_failed", "PEERLLM_API_KEY holds characters that no API key has.", {
    hint: "Is there a space or a line break in it?",
  });
}

/** The network as said, else the newest account's, else the one that runs in this home; null where there is none. */
export async function knownNetwork(session: Session): Promise<string | null> {
  const [newest] = await readAccounts(session.home);
  const known = session.networkUrl ?? newest?.networkUrl ?? (await runningNetwork(session));
  return known === null ? null : normalUrl(known);
}

/** Throws `authentication_failed` where there is no key. */
export async function openGateway(session: Session): Promise<Gateway> {
  const { networkUrl, apiKey } = await findAccess(session);
  if (apiKey !== null) return createGateway({ url: networkUrl, apiKey });
  throw new PeerError("authentication_failed", `There is no account for ${networkUrl} in "${session.home.root}".`, {
    hint: 'Create one with "peerllm account create", or set PEERLLM_API_KEY.',
  });
}

export interface NewAccount {
  readonly name?: string | undefined;
  readonly email?: string | undefined;
  readonly invite?: string | undefined;
}

/** Creates an account on the network and keeps it in the home. */
export async function createAccount(
  home: Home,
  networkUrl: string,
  asked: NewAccount,
  signal: AbortSignal,
): Promise<StoredAccount> {
  return keepAccount(home, () => askForAccount(networkUrl, asked, signal), signal);
}

async function askForAccount(networkUrl: string, asked: NewAccount, signal: AbortSignal): Promise<StoredAccount> {
  const gateway = createGateway({ url: networkUrl, apiKey: null });
  const request = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
  const made = await gateway.call(routes["account-create"], request, signal);
  return { networkUrl, accountId: made.accountId, apiKey: made.apiKey, name: asked.name ?? null };
}

/**
 * The access of a command that can't do without an account and may make one, as people expect of a first run. Throws
 * `authentication_failed` where the network wants an invite.
 */
export async function ensureAccess(session: Session): Promise<Access & { readonly apiKey: string }> {
  const found = await findAccess(session);
  if (found.apiKey !== null) return { ...found, apiKey: found.apiKey };
  const { networkUrl } = found;
  const { home, signal, printer } = session;
  const gateway = createGateway({ url: networkUrl, apiKey: null });
  const network = await gateway.call(routes["network-show"], {}, signal);
  if (network.enrolment === "invite") {
    throw new PeerError("authentication_failed", `${networkUrl} is a private network and wants an invite.`, {
      hint: `Ask its operator for one, then run "peerllm account create --network ${networkUrl} --invite INVITE".`,
    });
  }
  // Another command's first run may be faster.
  let there: StoredAccount | undefined;
  const make = async (accounts: readonly StoredAccount[]) => {
    there = accountOn(networkUrl, accounts);
    return there ?? askForAccount(networkUrl, { name: userName() }, signal);
  };
  const account = await keepAccount(home, make, signal);
  if (account !== there) {
    printer.note(`Made an account on ${networkUrl}: ${account.accountId}. Its key is kept in the home.`);
  }
  return { networkUrl, apiKey: account.apiKey, account };
}

/** Undefined where the system knows no name of this user, as in a container that runs as a number. */
function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

async function runningNetwork(session: Session): Promise<string | null> {
  const record = await readRunRecord(session.home, "network");
  if (record === null || !isAlive(record)) return null;
  const ready = networkReadySchema.safeParse(record.ready);
  return ready.success ? ready.data.url : null;
}

/** Older ones were kept as they had been typed. */
function accountOn(networkUrl: string, accounts: readonly StoredAccount[]): StoredAccount | undefined {
  return accounts.find((account) => normalUrl(account.networkUrl) === networkUrl);
}

/** One text for one network, however it was typed: "http://LOCALHOST:80/v1/" is "http://localhost". */
function normalUrl(typed: string): string {
  const { origin, pathname } = new URL(typed);
  return `${origin}${pathname.replace(/\/+$/, "").replace(/\/v1$/, "")}`;
}
