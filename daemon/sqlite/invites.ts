import { randomBytes } from "node:crypto";
import type { Clock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import { hashOfSecret } from "../../src/identity/api-key.ts";
import type { InviteStore } from "../../src/identity/invite.ts";
import { base32 } from "../../src/ids.ts";
import type { Statement } from "./connection.ts";
import type { Database } from "./database.ts";

/** Invitations on SQLite, as hashes. */
export function openInvites(database: Database, clock: Clock): InviteStore {
  const insert: Statement<[Buffer, bigint, bigint | null, bigint]> = database.connection.prepare(
    "INSERT INTO invites (hash, uses_left, expires_at, created_at) VALUES (?, ?, ?, ?)",
  );
  const take: Statement<[Buffer, bigint]> = database.connection.prepare(
    `UPDATE invites SET uses_left = uses_left - 1
     WHERE hash = ? AND uses_left > 0 AND (expires_at IS NULL OR expires_at > ?)`,
  );
  return {
    create: ({ uses, expiresAt }) =>
      database.durably(() => {
        const secret = `invite-${base32(randomBytes(20))}`;
        const expiry = expiresAt === null ? null : BigInt(expiresAt);
        insert.run(hashOfSecret(secret), BigInt(uses), expiry, BigInt(clock.now()));
        return secret;
      }),
    accept: (secret) =>
      database.durably(() => {
        if (take.run(hashOfSecret(secret), BigInt(clock.now())).changes === 1) return;
        throw new PeerError("authentication_failed", "This invite is unknown, expired or used up.", {
          hint: 'Ask the operator for one made with "peerllm network invite".',
        });
      }),
  };
}
