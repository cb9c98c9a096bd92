import { Command } from "commander";
import * as z from "zod";
import { PeerError } from "../src/errors.ts";
import { defaultRateLimits, scopes } from "../src/identity/api-key.ts";
import { formatUsd } from "../src/money.ts";
import { routes } from "../src/protocol/api.ts";
import { typedUsd, wholeNumber } from "../src/typed-number.ts";
import { createAccount, findAccess, openGateway } from "./access.ts";
import { action } from "./session.ts";

const none = z.object({});

/** `peerllm account …`: who one is on a network. */
export function accountCommand(): Command {
  const account = new Command("account")
    .description("create an account on a network, and its keys")
    .addHelpText(
      "after",
      "\nExamples:\n  peerllm account create\n  peerllm account keys create --name laptop --budget-per-day 2",
    );
  account.addCommand(createCommand());
  account.addCommand(showCommand());
  account.addCommand(keysCommand());
  return account;
}

function createCommand(): Command {
  return new Command("create")
    .description("create an account and keep its key in the home")
    .option("--name <name>", "what to call it")
    .option("--email <email>", "where the operator can reach you")
    .option("--invite <invite>", "invite to a private network")
    .addHelpText(
      "after",
      "\nExamples:\n  peerllm account create --name Ada\n  peerllm account create --network https://peer.example --invite invite-…",
    )
    .action(
      action(
        z.object({
          name: z.string().min(1).max(80).optional(),
          email: z.email({ error: "must be an e-mail address" }).optional(),
          invite: z.string().min(1).optional(),
        }),
        async (session, options) => {
          const { networkUrl } = await findAccess(session);
          const made = await createAccount(session.home, networkUrl, options, session.signal);
          const document = { accountId: made.accountId, apiKey: made.apiKey };
          session.printer.result(document, () =>
            session.printer.facts([
              ["account", made.accountId],
              ["API key", made.apiKey],
            ]),
          );
          session.printer.note(
            `\nThe key is shown this once, and kept in "${session.home.keysDirectory}" for later commands.`,
          );
        },
      ),
    );
}

function showCommand(): Command {
  return new Command("show")
    .description("show the account that commands use")
    .addHelpText("after", "\nExample:\n  peerllm account show")
    .action(
      action(none, async (session) => {
        const gateway = await openGateway(session);
        const account = await gateway.call(routes["account-show"], {}, session.signal);
        session.printer.result({ ...account, networkUrl: gateway.url }, () =>
          session.printer.facts([
            ["account", account.accountId],
            ["name", account.name ?? "-"],
            ["e-mail", account.email ?? "-"],
            ["network", gateway.url],
            ["created", day(account.createdAt)],
            ["vouched for", account.isVouched ? "yes" : "no"],
            ["owner", account.owner],
          ]),
        );
      }),
    );
}

function keysCommand(): Command {
  const keys = new Command("keys")
    .description("list, create and revoke API keys")
    .addHelpText(
      "after",
      "\nExamples:\n  peerllm account keys list\n  peerllm account keys create --name laptop --budget-per-day 2",
    );
  keys.addCommand(listKeysCommand());
  keys.addCommand(createKeyCommand());
  keys.addCommand(revokeKeyCommand());
  return keys;
}

function listKeysCommand(): Command {
  return new Command("list")
    .description("list the keys")
    .addHelpText("after", "\nExample:\n  peerllm account keys list")
    .action(
      action(none, async (session) => {
        const gateway = await openGateway(session);
        const listed = await gateway.call(routes["keys-list"], {}, session.signal);
        session.printer.result(listed, () =>
          session.printer.table(
            ["KEY", "NAME", "SCOPES", "BUDGET", "REVOKED"],
            listed.keys.map((key) => [
              key.keyId,
              key.name,
              key.scopes.join(","),
              budgetOf(key.budgetUsdPerDay, key.budgetUsdPerMonth),
              key.revokedAt === null ? "-" : day(key.revokedAt),
            ]),
          ),
        );
      }),
    );
}

function createKeyCommand(): Command {
  return new Command("create")
    .description("create a key; it is shown this once")
    .requiredOption("--name <name>", "what it is for")
    .option("--scope <scope...>", `what it may: ${scopes.join(", ")} (default consume, produce, host)`)
    .option("--budget-per-day <usd>", "dollars it may spend a day")
    .option("--budget-per-month <usd>", "dollars it may spend a month")
    .option(
      "--requests-per-minute <n>",
      `requests it may send a minute (default ${defaultRateLimits.requestsPerMinute})`,
    )
    .option("--tokens-per-minute <n>", `tokens it may use a minute (default ${defaultRateLimits.tokensPerMinute})`)
    .addHelpText(
      "after",
      `
consume: send requests. produce: publish models. host: connect hosts. admin: manage the account, that is make and revoke
keys, buy and subscribe, and say where earnings go. Days and months are those of UTC.

Example:
  peerllm account keys create --name notebook --scope consume --budget-per-day 2`,
    )
    .action(
      action(
        z.object({
          name: z.string().min(1).max(64),
          scope: z.array(z.enum(scopes)).min(1).optional(),
          budgetPerDay: typedUsd.transform(formatUsd).nullable().default(null),
          budgetPerMonth: typedUsd.transform(formatUsd).nullable().default(null),
          requestsPerMinute: wholeNumber(1, defaultRateLimits.requestsPerMinute).optional(),
          tokensPerMinute: wholeNumber(1, defaultRateLimits.tokensPerMinute).optional(),
        }),
        async (session, options) => {
          const gateway = await openGateway(session);
          const request = {
            name: options.name,
            scopes: options.scope,
            budgetUsdPerDay: options.budgetPerDay,
            budgetUsdPerMonth: options.budgetPerMonth,
            requestsPerMinute: options.requestsPerMinute,
            tokensPerMinute: options.tokensPerMinute,
          };
          const made = await gateway.call(routes["keys-create"], request, session.signal);
          session.printer.result(made, () =>
            session.printer.facts([
              ["key", made.keyId],
              ["API key", made.apiKey],
            ]),
          );
          session.printer.note("\nThe key is shown this once.");
        },
      ),
    );
}

function revokeKeyCommand(): Command {
  return new Command("revoke")
    .description("revoke a key, at once")
    .argument("<key>", "its id, as `keys list` shows it")
    .addHelpText("after", "\nExample:\n  peerllm account keys revoke key_abc…")
    .action(
      action(none, async (session, _, [keyId = ""]) => {
        if (!/^key_[a-z2-7]{26}$/.test(keyId))
          throw new PeerError("id_malformed", `Not a key id: "${keyId.slice(0, 64)}".`);
        const gateway = await openGateway(session);
        const revoked = await gateway.call(routes["keys-revoke"], {}, session.signal, { keyId });
        session.printer.result(revoked, () => `${revoked.keyId} is revoked.`);
      }),
    );
}

/** "$2.00/day $30.00/month". */
function budgetOf(perDay: string | null, perMonth: string | null): string {
  const parts = [...(perDay === null ? [] : [`$${perDay}/day`]), ...(perMonth === null ? [] : [`$${perMonth}/month`])];
  return parts.length === 0 ? "-" : parts.join(" ");
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
