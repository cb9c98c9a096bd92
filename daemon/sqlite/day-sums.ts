import type { AccountId, ApiKeyId } from "../../src/ids.ts";
import type { Day } from "../../src/ledger/books.ts";
import type { Settlement, SettlementResult } from "../../src/ledger/settlement.ts";
import { type NanoUsd, nanoUsd } from "../../src/money.ts";
import type { Connection, Statement } from "./connection.ts";

export interface SettledRequest {
  readonly accountId: AccountId;
  readonly apiKeyId: ApiKeyId;
  readonly day: Day;
  readonly settlement: Settlement;
  readonly result: SettlementResult;
}

/** Usage and earnings summed by day, written with the settlement they sum. */
export interface DaySums {
  add(settled: SettledRequest): void;
  /** What a key has spent from `from` to today. */
  spentByKey(accountId: AccountId, apiKeyId: ApiKeyId, from: Day): NanoUsd;
}

export function newDaySums(connection: Connection): DaySums {
  const addUsage: Statement<[AccountId, ApiKeyId, Day, string, bigint, bigint, bigint]> = connection.prepare(
    `INSERT INTO usage_days (account_id, api_key_id, day, model, requests, prompt_tokens, completion_tokens, amount)
     VALUES (?, ?, ?, ?, 1, ?, ?, ?)
     ON CONFLICT DO UPDATE SET requests = requests + 1, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
       completion_tokens = completion_tokens + excluded.completion_tokens, amount = amount + excluded.amount`,
  );
  const addEarning: Statement<[AccountId, string, string, Day, string, bigint, bigint]> = connection.prepare(
    `INSERT INTO earnings_days (account_id, role, host_id, day, model, requests, tokens, amount)
     VALUES (?, ?, ?, ?, ?, 1, ?, ?)
     ON CONFLICT DO UPDATE SET requests = requests + 1, tokens = tokens + excluded.tokens,
       amount = amount + excluded.amount`,
  );
  const selectSpent: Statement<[AccountId, ApiKeyId, Day], { spent: bigint | null }> = connection.prepare(
    "SELECT sum(amount) AS spent FROM usage_days WHERE account_id = ? AND api_key_id = ? AND day >= ?",
  );

  function add({ accountId, apiKeyId, day, settlement, result }: SettledRequest): void {
    const model = settlement.subtasks[0]?.model;
    if (model === undefined) return;
    const { promptTokens, completionTokens, charged } = result;
    addUsage.run(accountId, apiKeyId, day, model, BigInt(promptTokens), BigInt(completionTokens), charged);
    for (const [index, usage] of settlement.subtasks.entries()) {
      const price = result.subtasks[index];
      if (price === undefined) continue;
      for (const { host, tokens, amount } of price.hosts) {
        addEarning.run(host.accountId, "host", host.hostId, day, usage.model, BigInt(tokens), amount);
      }
      const tokens = price.hosts.reduce((sum, share) => sum + share.tokens, 0);
      if (usage.royalty === null) continue;
      addEarning.run(usage.royalty.producerId, "producer", "", day, usage.model, BigInt(tokens), price.royalty);
    }
  }

  return {
    add,
    spentByKey: (accountId, apiKeyId, from) => nanoUsd(selectSpent.get(accountId, apiKeyId, from)?.spent ?? 0n),
  };
}
