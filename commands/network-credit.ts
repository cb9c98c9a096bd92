import { Command } from "commander";
import * as z from "zod";
import { callDaemon } from "../src/client/control.ts";
import { formatUsd, parseUsd } from "../src/money.ts";
import { networkMethods } from "../src/protocol/control-methods.ts";
import { action } from "./session.ts";

const none = z.object({});

/** `peerllm network credit ACCOUNT USD`. */
export function creditCommand(): Command {
  return new Command("credit")
    .description("grant an account credit")
    .argument("<account>", "the account's id")
    .argument("<usd>", "dollars, such as 20 or 0.25")
    .addHelpText("after", "\nExample:\n  peerllm network credit account_abc… 20")
    .action(
      action(none, async (session, _, [account = "", amount = ""]) => {
        const params = { account, usd: formatUsd(parseUsd(amount)) };
        const made = await callDaemon(session.home, "network", networkMethods.credit, params, session.signal);
        session.printer.result(
          made,
          () => `${made.accountId} was granted $${made.credited} and has $${made.available} (${made.transfer}).`,
        );
      }),
    );
}

/** `peerllm network reverse TRANSFER`: books are never changed, what was wrong is undone by an entry of its own. */
export function reverseCommand(): Command {
  return new Command("reverse")
    .description("take a grant or a redeemed code back; what was spent of it is owed")
    .argument("<transfer>", "its id, as `network credit` and the account's statement tell it")
    .addHelpText("after", "\nExample:\n  peerllm network reverse transfer_abc…")
    .action(
      action(none, async (session, _, [transfer = ""]) => {
        const params = { transfer };
        const done = await callDaemon(session.home, "network", networkMethods.reverse, params, session.signal);
        session.printer.result(
          done,
          () =>
            `$${done.reversed} was taken back from ${done.accountId}: it has $${done.available} and owes $${done.owed}.`,
        );
      }),
    );
}

/** `peerllm network code create USD`. */
export function codeCommand(): Command {
  const code = new Command("code")
    .description("codes that turn into credit")
    .addHelpText("after", "\nExample:\n  peerllm network code create 20");
  code.addCommand(
    new Command("create")
      .description("make a code; it is shown this once")
      .argument("<usd>", "what it is worth, in dollars")
      .addHelpText("after", "\nExample:\n  peerllm network code create 20")
      .action(
        action(none, async (session, _, [amount = ""]) => {
          const usd = formatUsd(parseUsd(amount));
          const made = await callDaemon(
            session.home,
            "network",
            networkMethods["code-create"],
            { usd },
            session.signal,
          );
          session.printer.result(made, () => made.code);
        }),
      ),
  );
  return code;
}
