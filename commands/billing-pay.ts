import { Command } from "commander";
import * as z from "zod";
import type { Gateway } from "../src/client/gateway.ts";
import { PeerError } from "../src/errors.ts";
import { formatUsd, parseUsd } from "../src/money.ts";
import { economyRoutes } from "../src/protocol/economy-api.ts";
import { openGateway } from "./access.ts";
import { waitForApproval } from "./approval.ts";
import { action } from "./session.ts";

const none = z.object({});
const waiting = z.object({ wait: z.boolean().default(true) });

/** `peerllm billing topup 20`: credit bought once. */
export function topupCommand(): Command {
  return new Command("topup")
    .description("buy credit through PayPal")
    .argument("<usd>", "dollars, in whole cents")
    .option("--no-wait", "print the approval link and return")
    .addHelpText("after", "\nExample:\n  peerllm billing topup 20")
    .action(
      action(waiting, async (session, { wait }, [usd = ""]) => {
        const asked = { usd: formatUsd(parseUsd(usd)) };
        const gateway = await openGateway(session);
        const begun = await gateway.call(economyRoutes["billing-topup"], asked, session.signal);
        const { paymentId } = begun;
        const read = () => gateway.call(economyRoutes["billing-payment"], {}, session.signal, { paymentId });
        const isDone = ({ state }: { state: string }) => state !== "open";
        const payment = wait ? await waitForApproval(session, { url: begun.approvalUrl, read, isDone }) : begun;
        if (payment.state === "failed") {
          throw new PeerError("payment_failed", `The payment of $${payment.usd} was declined or given up.`);
        }
        session.printer.result(payment, () =>
          payment.state === "completed" ? `$${payment.usd} is credited.` : `Approve it at ${payment.approvalUrl}`,
        );
      }),
    );
}

/** `peerllm billing plan subscribe|cancel|show`: credit bought every month. */
export function planCommand(): Command {
  const plan = new Command("plan")
    .description("buy credit every month through PayPal")
    .addHelpText("after", "\nExamples:\n  peerllm billing plan subscribe 10\n  peerllm billing plan show");
  plan.addCommand(planSubscribeCommand());
  plan.addCommand(planShowCommand());
  plan.addCommand(planCancelCommand());
  return plan;
}

function planSubscribeCommand(): Command {
  return new Command("subscribe")
    .description("begin to buy credit every month")
    .argument("<usd>", "dollars a month, in whole cents")
    .option("--no-wait", "print the approval link and return")
    .addHelpText("after", "\nExample:\n  peerllm billing plan subscribe 10")
    .action(
      action(waiting, async (session, { wait }, [usd = ""]) => {
        const asked = { usd: formatUsd(parseUsd(usd)) };
        const gateway = await openGateway(session);
        const begun = await gateway.call(economyRoutes["subscription-begin"], asked, session.signal);
        const { subscriptionId } = begun;
        const read = () => gateway.call(economyRoutes["subscription-show"], {}, session.signal, { subscriptionId });
        const isDone = ({ standing, status }: { standing: string; status: string }) =>
          standing === "paid" || status === "CANCELLED" || status === "EXPIRED";
        const plan = wait ? await waitForApproval(session, { url: begun.approvalUrl, read, isDone }) : begun;
        session.printer.result(plan, () =>
          plan.standing === "paid" ? `$${plan.usdPerMonth} of credit comes every month.` : `It is ${plan.status}.`,
        );
      }),
    );
}

function planShowCommand(): Command {
  return new Command("show")
    .description("show the account's subscriptions")
    .addHelpText("after", "\nExample:\n  peerllm billing plan show")
    .action(
      action(none, async (session) => {
        const gateway = await openGateway(session);
        const listed = await gateway.call(economyRoutes["subscriptions-list"], {}, session.signal);
        session.printer.result(listed, () =>
          session.printer.table(
            ["SUBSCRIPTION", "FOR", "USD A MONTH", "STATUS", "PAID THROUGH"],
            listed.subscriptions.map((each) => [
              each.subscriptionId,
              each.hostId ?? each.model ?? each.kind,
              each.usdPerMonth,
              each.status,
              each.paidThrough === null ? "-" : new Date(each.paidThrough).toISOString().slice(0, 10),
            ]),
          ),
        );
      }),
    );
}

function planCancelCommand(): Command {
  return new Command("cancel")
    .description("stop a subscription; what is paid stays paid for")
    .argument("<subscription>", "its id, as `plan show` lists it")
    .addHelpText("after", "\nExample:\n  peerllm billing plan cancel subscription_abc…")
    .action(
      action(none, async (session, _, [subscriptionId = ""]) => {
        const gateway = await openGateway(session);
        const parameters = { subscriptionId };
        const ended = await gateway.call(economyRoutes["subscription-cancel"], {}, session.signal, parameters);
        session.printer.result(ended, () => `${ended.subscriptionId} is ${ended.status}.`);
      }),
    );
}

/** `peerllm billing redeem CODE`. */
export function redeemCommand(): Command {
  return new Command("redeem")
    .description("turn a code into credit")
    .argument("<code>", "the code")
    .addHelpText("after", "\nExample:\n  peerllm billing redeem code-abc…")
    .action(
      action(none, async (session, _, [code = ""]) => {
        const gateway = await openGateway(session);
        const redeemed = await gateway.call(economyRoutes["billing-redeem"], { code }, session.signal);
        session.printer.result(
          redeemed,
          () => `$${redeemed.creditedUsd} is credited; $${redeemed.availableUsd} is free.`,
        );
      }),
    );
}

/** `peerllm billing statement --month 2026-11 [--csv]`. */
export function statementCommand(): Command {
  return new Command("statement")
    .description("show a month of the account's books")
    .requiredOption("--month <month>", "such as 2026-11")
    .option("--csv", "as comma-separated values")
    .addHelpText("after", "\nExample:\n  peerllm billing statement --month 2026-11 --csv > november.csv")
    .action(
      action(z.object({ month: z.string(), csv: z.boolean().default(false) }), async (session, { month, csv }) => {
        const gateway = await openGateway(session);
        const statement = await readStatement(gateway, month, session.signal);
        session.printer.result(statement, () => {
          if (csv) return statement.csv;
          const lines = statement.lines.map((line) => [
            new Date(line.at).toISOString().slice(0, 16).replace("T", " "),
            line.kind,
            line.account,
            line.usd,
          ]);
          return [
            `Credit on the first: $${statement.openingUsd}`,
            session.printer.table(["TIME (UTC)", "WHAT", "ACCOUNT", "USD"], lines),
            `Credit at the end: $${statement.closingUsd}`,
          ].join("\n");
        });
      }),
    );
}

/** All pages of a month as one. */
async function readStatement(gateway: Gateway, month: string, signal: AbortSignal) {
  const ask = (after: object) => gateway.call(economyRoutes["billing-statement"], { month, ...after }, signal);
  const { next: second, ...first } = await ask({});
  const pages = [first];
  for (let after = second; after !== null; ) {
    const { next, ...page } = await ask({ after });
    pages.push(page);
    after = next;
  }
  const header = first.csv.indexOf("\r\n") + 2;
  const csv = pages.map((page, index) => (index === 0 ? page.csv : page.csv.slice(header))).join("");
  const closingUsd = pages.at(-1)?.closingUsd ?? null;
  return { ...first, closingUsd, lines: pages.flatMap(({ lines }) => lines), csv };
}
