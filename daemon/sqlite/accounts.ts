import type { Clock, Millis } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import type { Account, AccountStore, NewApiKey, PaymentProof } from "../../src/identity/account.ts";
import {
  type ApiKey,
  defaultRateLimits,
  isScope,
  isSecretOf,
  newApiKeySecret,
  noBudget,
  prefixOfSecret,
} from "../../src/identity/api-key.ts";
import { type AccountId, type ApiKeyId, newId } from "../../src/ids.ts";
import { nanoUsd } from "../../src/money.ts";
import type { Statement } from "./connection.ts";
import type { Database } from "./database.ts";

interface AccountRow {
  readonly id: AccountId;
  readonly name: string;
  readonly email: string | null;
  readonly created_at: bigint;
  readonly vouched_at: bigint | null;
  readonly payment_identity: string | null;
  readonly payment_proof: PaymentProof | null;
}

interface KeyRow {
  readonly id: ApiKeyId;
  readonly account_id: AccountId;
  readonly name: string;
  readonly prefix: string;
  readonly hash: Buffer;
  readonly scopes: string;
  readonly budget_day: bigint | null;
  readonly budget_month: bigint | null;
  readonly requests_per_minute: bigint;
  readonly tokens_per_minute: bigint;
  readonly created_at: bigint;
  readonly revoked_at: bigint | null;
}

const liveKeysMax = 100;

/** Accounts and API keys on SQLite. */
export function openAccounts(database: Database, clock: Clock): AccountStore {
  const { connection } = database;
  const insertAccount: Statement<[AccountId, string, string | null, bigint]> = connection.prepare(
    "INSERT INTO accounts (id, name, email, created_at) VALUES (?, ?, ?, ?)",
  );
  const searchAccounts: Statement<[string, number], AccountRow> = connection.prepare(
    `SELECT * FROM accounts WHERE instr(lower(id || char(10) || name || char(10) || coalesce(email, '')), lower(?)) > 0
     ORDER BY created_at DESC, id LIMIT ?`,
  );
  const selectAccount: Statement<[AccountId], AccountRow> = connection.prepare("SELECT * FROM accounts WHERE id = ?");
  const countAccounts: Statement<[], bigint> = connection.prepare<[], bigint>("SELECT count(*) FROM accounts").pluck();
  const updateVouched: Statement<[bigint | null, AccountId]> = connection.prepare(
    "UPDATE accounts SET vouched_at = ? WHERE id = ?",
  );
  const updateIdentity: Statement<[string, PaymentProof, AccountId]> = connection.prepare(
    "UPDATE accounts SET payment_identity = ?, payment_proof = ? WHERE id = ?",
  );
  const selectOwner: Statement<[string], { owner: string }> = connection.prepare(
    "SELECT owner FROM payment_identities WHERE digest = ?",
  );
  const insertIdentity: Statement<[string, string]> = connection.prepare(
    "INSERT INTO payment_identities (digest, owner) VALUES (?, ?)",
  );
  const joinIdentities: Statement<[string, string]> = connection.prepare(
    "UPDATE payment_identities SET owner = ? WHERE owner = ?",
  );
  const joinAccounts: Statement<[string, string]> = connection.prepare(
    "UPDATE accounts SET payment_identity = ? WHERE payment_identity = ?",
  );
  const insertKey: Statement<
    [ApiKeyId, AccountId, string, string, Buffer, string, bigint | null, bigint | null, bigint, bigint, bigint]
  > = connection.prepare(
    `INSERT INTO api_keys (id, account_id, name, prefix, hash, scopes, budget_day, budget_month, requests_per_minute,
       tokens_per_minute, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const selectKey: Statement<[ApiKeyId, AccountId], KeyRow> = connection.prepare(
    "SELECT * FROM api_keys WHERE id = ? AND account_id = ?",
  );
  const selectKeys: Statement<[AccountId], KeyRow> = connection.prepare(
    "SELECT * FROM api_keys WHERE account_id = ? ORDER BY created_at, id",
  );
  const countLiveKeys: Statement<[AccountId], bigint> = connection
    .prepare<[AccountId], bigint>("SELECT count(*) FROM api_keys WHERE account_id = ? AND revoked_at IS NULL")
    .pluck();
  const selectByPrefix: Statement<[string], KeyRow> = connection.prepare("SELECT * FROM api_keys WHERE prefix = ?");
  const revoke: Statement<[bigint, ApiKeyId]> = connection.prepare(
    "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?",
  );

  function requireRow(id: AccountId): AccountRow {
    const row = selectAccount.get(id);
    if (row === undefined) throw new PeerError("not_found", `There is no account ${id} on this network.`);
    return row;
  }

  function requireAccount(id: AccountId): Account {
    return accountOf(requireRow(id));
  }

  function setPaymentIdentity(id: AccountId, digest: string, proof: PaymentProof): boolean {
    const { payment_identity: before, payment_proof: proofBefore } = requireRow(id);
    if (proof === "was-paid" && before !== null) return false;
    const isJoined = proofBefore === "paid";
    const known = selectOwner.get(digest)?.owner;
    const owner = known ?? (isJoined ? before : null) ?? digest;
    if (known === undefined && proof === "paid") insertIdentity.run(digest, owner);
    updateIdentity.run(owner, proof, id);
    if (isJoined && before !== null && before !== owner) {
      joinIdentities.run(owner, before);
      joinAccounts.run(owner, before);
    }
    return before !== owner;
  }

  function requireKey(id: AccountId, keyId: ApiKeyId): ApiKey {
    const row = selectKey.get(keyId, id);
    if (row === undefined) throw new PeerError("not_found", `Account ${id} has no API key ${keyId}.`);
    return keyOf(row);
  }

  function create(name: string, email: string | null): Account {
    const id = newId("account");
    insertAccount.run(id, name, email, BigInt(clock.now()));
    return requireAccount(id);
  }

  function createKey(id: AccountId, request: NewApiKey): { key: ApiKey; secret: string } {
    requireAccount(id);
    if (Number(countLiveKeys.get(id)) >= liveKeysMax) {
      throw new PeerError("insufficient_quota", `This account has ${liveKeysMax} API keys, and may have no more.`, {
        hint: 'Revoke one that nobody uses with "peerllm account keys revoke ID".',
      });
    }
    const keyId = newId("key");
    const secret = newApiKeySecret();
    const budget = request.budget ?? noBudget;
    const limits = request.rateLimits ?? defaultRateLimits;
    insertKey.run(
      keyId,
      id,
      request.name,
      secret.prefix,
      secret.hash,
      [...new Set(request.scopes)].join(" "),
      budget.perDay,
      budget.perMonth,
      BigInt(limits.requestsPerMinute),
      BigInt(limits.tokensPerMinute),
      BigInt(clock.now()),
    );
    return { key: requireKey(id, keyId), secret: secret.text };
  }

  function authenticate(secret: string): { account: Account; key: ApiKey } {
    const prefix = prefixOfSecret(secret);
    const row = prefix === null ? undefined : selectByPrefix.get(prefix);
    if (row === undefined || !isSecretOf(secret, row.hash) || row.revoked_at !== null) {
      throw new PeerError("authentication_failed", "This API key is not known here, or was revoked.", {
        hint: 'Make one with "peerllm account create" or "peerllm account keys create".',
      });
    }
    return { account: requireAccount(row.account_id), key: keyOf(row) };
  }

  return {
    create: ({ name, email = null }) => database.durably(() => create(name, email)),
    find: async (id) => {
      const row = selectAccount.get(id);
      return row === undefined ? null : accountOf(row);
    },
    search: async (words, max) => searchAccounts.all(words, max).map(accountOf),
    count: async () => Number(countAccounts.get() ?? 0n),
    vouch: (id, isVouched) =>
      database.durably(() => {
        updateVouched.run(isVouched ? BigInt(clock.now()) : null, id);
        return requireAccount(id);
      }),
    setPaymentIdentity: async (id, digest, proof) => {
      const { payment_identity: owner, payment_proof: proofBefore } = requireRow(id);
      const isKnown = proofBefore === "paid" && selectOwner.get(digest)?.owner === owner;
      return isKnown ? false : database.durably(() => setPaymentIdentity(id, digest, proof));
    },
    createKey: (id, request) => database.durably(() => createKey(id, request)),
    keys: async (id) => {
      requireAccount(id);
      return selectKeys.all(id).map(keyOf);
    },
    revokeKey: (id, keyId) =>
      database.durably(() => {
        requireKey(id, keyId);
        revoke.run(BigInt(clock.now()), keyId);
        return requireKey(id, keyId);
      }),
    authenticate: async (secret) => authenticate(secret),
  };
}

function accountOf(row: AccountRow): Account {
  return {
    id: row.id,
    name: row.name,
    email: row.email,
    createdAt: Number(row.created_at),
    vouchedAt: millisOrNull(row.vouched_at),
    paymentIdentity: row.payment_identity,
  };
}

function keyOf(row: KeyRow): ApiKey {
  return {
    id: row.id,
    accountId: row.account_id,
    name: row.name,
    prefix: row.prefix,
    scopes: row.scopes.split(" ").filter(isScope),
    budget: {
      perDay: row.budget_day === null ? null : nanoUsd(row.budget_day),
      perMonth: row.budget_month === null ? null : nanoUsd(row.budget_month),
    },
    rateLimits: {
      requestsPerMinute: Number(row.requests_per_minute),
      tokensPerMinute: Number(row.tokens_per_minute),
    },
    createdAt: Number(row.created_at),
    revokedAt: millisOrNull(row.revoked_at),
  };
}

function millisOrNull(value: bigint | null): Millis | null {
  return value === null ? null : Number(value);
}
