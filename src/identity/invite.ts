import type { Millis } from "../clock.ts";

export interface NewInvite {
  /** How many accounts may join with it, ≥ 1. */
  readonly uses: number;
  readonly expiresAt: Millis | null;
}

/** Invitations to a private network. */
export interface InviteStore {
  /** The secret is in this answer and nowhere else. */
  create(invite: NewInvite): Promise<string>;
  /** Takes one use. Throws `authentication_failed` for an invite that is unknown, expired or used up. */
  accept(secret: string): Promise<void>;
}
