import { createHash } from "node:crypto";
import { isSignedBy, type KeyPair, type PublicKey } from "../identity/key.ts";

/** What a host states it did for one subtask, in one lease. A claim: the orchestrator keeps counts of its own. */
export interface Statement {
  readonly subtask: string;
  readonly epoch: number;
  /** The model's digest, "sha256:" and 64 hex digits. */
  readonly digest: string;
  readonly promptTokens: number;
  /** Tokens this host delivered, those it resumed from not counted. */
  readonly completionTokens: number;
  /** Of the tokens this host delivered: see `AnswerDigest`. */
  readonly answerDigest: string;
  readonly firstTokenMs: number;
  readonly elapsedMs: number;
}

export interface SignedStatement extends Statement {
  /** Ed25519, base64url. */
  readonly signature: string;
}

export function signStatement(key: KeyPair, statement: Statement): SignedStatement {
  return { ...statement, signature: key.sign(statementBytes(statement)) };
}

export function isStatementBy(publicKey: PublicKey, statement: SignedStatement): boolean {
  return isSignedBy(publicKey, statementBytes(statement), statement.signature);
}

/** SHA-256 over token ids as 32-bit little-endian integers, or over UTF-8 text where an engine reports no ids. */
export class AnswerDigest {
  readonly #hash = createHash("sha256");

  add(tokens: readonly number[], text: string): void {
    this.#hash.update(tokens.length > 0 ? Buffer.from(Uint32Array.from(tokens).buffer) : text);
  }

  /** "sha256:" and 64 hex digits, of what was added so far. */
  value(): string {
    return `sha256:${this.#hash.copy().digest("hex")}`;
  }
}

function statementBytes(statement: Statement): Uint8Array {
  const lines = [
    "peerllm-statement-v1",
    statement.subtask,
    statement.epoch,
    statement.digest,
    statement.promptTokens,
    statement.completionTokens,
    statement.answerDigest,
    statement.firstTokenMs,
    statement.elapsedMs,
  ];
  return Buffer.from(lines.join("\n"), "utf8");
}
