import { Command } from "commander";
import * as z from "zod";
import { callDaemon } from "../src/client/control.ts";
import { networkMethods } from "../src/protocol/control-methods.ts";
import { action } from "./session.ts";

/** `peerllm network accounts [WORDS]`: who is on the network, as its operator may know it. */
export function accountsCommand(): Command {
  return new Command("accounts")
    .description("list the newest accounts, or those with these words in their id, name or e-mail")
    .argument("[words]", "what to look for")
    .addHelpText("after", "\nExamples:\n  peerllm network accounts\n  peerllm network accounts ada@example.com")
    .action(
      action(z.object({}), async (session, _, [words = ""]) => {
        const found = await callDaemon(session.home, "network", networkMethods.accounts, { words }, session.signal);
        session.printer.result(found, () => {
          if (found.accounts.length === 0) return "No account was found.";
          const rows = found.accounts.map((account) => [
            account.accountId,
            account.name ?? "-",
            account.email ?? "-",
            account.available,
            account.isVouched ? "yes" : "no",
          ]);
          const table = session.printer.table(["ACCOUNT", "NAME", "E-MAIL", "USD", "VOUCHED"], rows);
          return found.isWhole ? table : `${table}\nThere are more: look for one by its id, name or e-mail.`;
        });
      }),
    );
}

export function vouchCommand(): Command {
  return new Command("vouch")
    .description("vouch that an account is an owner of its own")
    .argument("<account>", "the account's id")
    .option("--withdraw", "take it back")
    .addHelpText(
      "after",
      "\nAccounts nobody vouches for count as one owner when a prompt's parts are spread.\n\nExample:\n  peerllm network vouch account_abc…",
    )
    .action(
      action(z.object({ withdraw: z.boolean().default(false) }), async (session, options, [account = ""]) => {
        const params = { account, isVouched: !options.withdraw };
        const now = await callDaemon(session.home, "network", networkMethods.vouch, params, session.signal);
        session.printer.result(now, () =>
          now.isVouched ? `${now.accountId} counts as an owner of its own.` : `${now.accountId} is not vouched for.`,
        );
      }),
    );
}
