import { Command } from "commander";
import { z } from "zod";
import { economyRoutes } from "../src/protocol/economy-api.ts";
import { openGateway } from "./access.ts";
import { action } from "./session.ts";

const none = z.object({});

/** `peerllm payout …`: how earnings reach their owner. */
export function payoutCommand(): Command {
  const payout = new Command("payout").description("say where earnings go, and have them sent");
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
        z.object({ paypal: z.string().optional(), threshold: z.string().optional() }),
        async (session, options) => {
          const gateway = await openGateway(session);
          const { paypal: receiver, threshold } = options;
          const change = { receiver: receiver ?? "", ...(threshold === undefined ? {} : { thresholdUsd: threshold }) };
          const settings =
            receiver === undefined
              ? await gateway.call(economyRoutes["payout-settings-show"], {}, session.signal)
              : await gateway.call(economyRoutes["payout-settings-set"], change, session.signal);
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
  return new Command("request").description("have all that is payable sent now").action(
    action(none, async (session) => {
      const gateway = await openGateway(session);
      const payout = await gateway.call(economyRoutes["payout-request"], {}, session.signal);
      session.printer.result(payout, () => `$${payout.usd} is on its way (${payout.payoutId}, ${payout.state}).`);
    }),
  );
}

function listCommand(): Command {
  return new Command("list").description("list payouts, the newest first").action(
    action(none, async (session) => {
      const gateway = await openGateway(session);
      const listed = await gateway.call(economyRoutes["payouts-list"], {}, session.signal);
      session.printer.result(listed, () =>
        session.printer.table(
          ["PAYOUT", "USD", "STATE", "AT PAYPAL", "FEE USD", "MADE"],
          listed.payouts.map((payout) => [
            payout.payoutId,
            payout.usd,
            payout.state,
            payout.paypalStatus ?? "-",
            payout.feeUsd ?? "-",
            new Date(payout.createdAt).toISOString().slice(0, 10),
          ]),
        ),
      );
    }),
  );
}
