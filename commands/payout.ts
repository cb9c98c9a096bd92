import { Command } from "commander";
import * as z from "zod";
import { formatUsd } from "../src/money.ts";
import { economyRoutes, type PayoutsDocument } from "../src/protocol/economy-api.ts";
import { typedUsd } from "../src/typed-number.ts";
import { openGateway } from "./access.ts";
import { action } from "./session.ts";

const none = z.object({});

/** `peerllm payout …`: how earnings reach their owner. */
export function payoutCommand(): Command {
  const payout = new Command("payout")
    .description("say where earnings go, and have them sent")
    .addHelpText("after", "\nExamples:\n  peerllm payout settings --paypal you@example.com\n  peerllm payout list");
  payout.addCommand(settingsCommand());
  payout.addCommand(requestCommand());
  payout.addCommand(listCommand());
  return payout;
}

function settingsCommand(): Command {
  return new Command("settings")
    .description("show or change where earnings are paid, and from how much on")
    .option("--paypal <receiver>", "e-mail address or merchant id at PayPal")
    .option("--threshold <usd>", "pay out by itself from this much on (default 25)")
    .addHelpText("after", "\nExample:\n  peerllm payout settings --paypal you@example.com --threshold 50")
    .action(
      action(
        z.object({ paypal: z.string().optional(), threshold: typedUsd.transform(formatUsd).optional() }),
        async (session, options) => {
          const gateway = await openGateway(session);
          const change = { receiver: options.paypal, thresholdUsd: options.threshold };
          const isChange = Object.values(change).some((value) => value !== undefined);
          const settings = isChange
            ? await gateway.call(economyRoutes["payout-settings-set"], change, session.signal)
            : await gateway.call(economyRoutes["payout-settings-show"], {}, session.signal);
          session.printer.result(settings, () =>
            session.printer.facts([
              ["paid to", settings.receiver ?? "nobody yet"],
              ["from", `$${settings.thresholdUsd}`],
            ]),
          );
        },
      ),
    );
}

function requestCommand(): Command {
  return new Command("request")
    .description("have all that is payable sent now")
    .addHelpText("after", "\nExample:\n  peerllm payout request")
    .action(
      action(none, async (session) => {
        const gateway = await openGateway(session);
        const payout = await gateway.call(economyRoutes["payout-request"], {}, session.signal);
        session.printer.result(payout, () => `$${payout.usd} is on its way (${payout.payoutId}, ${payout.state}).`);
      }),
    );
}

function listCommand(): Command {
  return new Command("list")
    .description("list payouts, the newest first")
    .addHelpText("after", "\nExample:\n  peerllm payout list")
    .action(
      action(none, async (session) => {
        const gateway = await openGateway(session);
        const listed = await gateway.call(economyRoutes["payouts-list"], {}, session.signal);
        session.printer.result(listed, () => {
          const payouts = session.printer.table(
            ["PAYOUT", "USD", "STATE", "AT PAYPAL", "FEE USD", "MADE"],
            listed.payouts.map((payout) => [
              payout.payoutId,
              payout.usd,
              payout.state,
              payout.paypalStatus ?? "-",
              payout.feeUsd ?? "-",
              day(payout.createdAt),
            ]),
          );
          return [payouts, ...describeSetOffs(listed)].join("\n");
        });
      }),
    );
}

/** What of the earnings was not paid out, because it paid what the account owed, and what will not be. */
function describeSetOffs({ setOffs, owedUsd }: PayoutsDocument): string[] {
  const done = setOffs.map(
    ({ usd, at, transfer }) => `$${usd} of the earnings paid what this account owed, on ${day(at)} (${transfer}).`,
  );
  if (owedUsd === "0.00") return done;
  return [...done, `$${owedUsd} is owed for a payment taken back: earnings pay it before they are paid out.`];
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
