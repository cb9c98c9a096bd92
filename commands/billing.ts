import { Command } from "commander";
import * as z from "zod";
import { routes } from "../src/protocol/api.ts";
import { wholeNumber } from "../src/typed-number.ts";
import { openGateway } from "./access.ts";
import { planCommand, redeemCommand, statementCommand, topupCommand } from "./billing-pay.ts";
import { action } from "./session.ts";

/** `peerllm billing …`: what an account has, buys and spends. */
export function billingCommand(): Command {
  const billing = new Command("billing")
    .description("show credit, buy it, and see what it was spent on")
    .addHelpText(
      "after",
      "\nExamples:\n  peerllm billing balance\n  peerllm billing topup 20\n  peerllm billing redeem code-abc…",
    );
  billing.addCommand(balanceCommand());
  billing.addCommand(topupCommand());
  billing.addCommand(planCommand());
  billing.addCommand(redeemCommand());
  billing.addCommand(usageCommand());
  billing.addCommand(statementCommand());
  return billing;
}

function balanceCommand(): Command {
  return new Command("balance")
    .description("show credit, and what is held for running requests")
    .addHelpText("after", "\nExample:\n  peerllm billing balance")
    .action(
      action(z.object({}), async (session) => {
        const gateway = await openGateway(session);
        const balance = await gateway.call(routes["billing-balance"], {}, session.signal);
        session.printer.result(balance, () =>
          session.printer.facts([
            ["available", `$${balance.available}`],
            ["held", `$${balance.held}`],
            ...describeOwed(balance.owed),
          ]),
        );
      }),
    );
}

/** A line of facts where something is owed. */
function describeOwed(owed: string | undefined): [string, string][] {
  if (owed === undefined) return [];
  return [["owed", `$${owed} for a payment taken back; what you pay in or earn goes there first`]];
}

function usageCommand(): Command {
  return new Command("usage")
    .description("show tokens and cost")
    .option("--by <what>", "day, model or key (default day)")
    .option("--days <n>", "days to look back (default 30)")
    .addHelpText("after", "\nDays are those of UTC.\n\nExample:\n  peerllm billing usage --by model --days 7")
    .action(
      action(
        z.object({
          by: z.enum(["day", "model", "key"]).default("day"),
          days: wholeNumber(1, 400).default(30),
        }),
        async (session, options) => {
          const gateway = await openGateway(session);
          const usage = await gateway.call(routes["billing-usage"], options, session.signal);
          const name = (cell: string) => (options.by === "key" ? [cell] : []);
          session.printer.result(usage, () =>
            session.printer.table(
              [options.by.toUpperCase(), ...name("NAME"), "REQUESTS", "TOKENS IN", "TOKENS OUT", "COST USD"],
              usage.rows.map((row) => [
                row.group,
                ...name(row.name ?? "-"),
                String(row.requests),
                String(row.promptTokens),
                String(row.completionTokens),
                row.costUsd,
              ]),
            ),
          );
        },
      ),
    );
}
