import { Command } from "commander";
import * as z from "zod";
import { callDaemon } from "../src/client/control.ts";
import { PeerError } from "../src/errors.ts";
import { routes } from "../src/protocol/api.ts";
import { hostMethods } from "../src/protocol/control-methods.ts";
import { economyRoutes, type SubscriptionDocument } from "../src/protocol/economy-api.ts";
import { openGateway } from "./access.ts";
import { waitForApproval } from "./approval.ts";
import { action, type Session } from "./session.ts";

/** `peerllm host subscribe [HOST]`: the monthly payment of a host, where its network asks one. */
export function hostSubscribeCommand(): Command {
  return new Command("subscribe")
    .description("pay the network's monthly fee for a host")
    .argument("[host]", "its id (default: the one that runs here)")
    .option("--no-wait", "print the approval link and return")
    .addHelpText("after", "\nExample:\n  peerllm host subscribe")
    .action(
      action(z.object({ wait: z.boolean().default(true) }), async (session, { wait }, [named]) => {
        const hostId = named ?? (await hostHere(session));
        const gateway = await openGateway(session);
        const begun = await gateway.call(economyRoutes["subscription-begin"], { hostId }, session.signal);
        const { subscriptionId } = begun;
        const read = () => gateway.call(economyRoutes["subscription-show"], {}, session.signal, { subscriptionId });
        const isDone = ({ standing, status }: { standing: string; status: string }) =>
          standing === "paid" || status === "CANCELLED" || status === "EXPIRED";
        const now = wait ? await waitForApproval(session, { url: begun.approvalUrl, read, isDone }) : begun;
        session.printer.result(now, () => {
          const until = now.paidThrough === null ? "" : ` through ${dayOf(now.paidThrough)}`;
          return now.standing === "paid" ? `${hostId} is paid for${until}.` : `The subscription is ${now.status}.`;
        });
      }),
    );
}

/** `peerllm host subscription [HOST]`: how the monthly payment stands. */
export function hostSubscriptionCommand(): Command {
  return new Command("subscription")
    .description("show how a host's monthly fee stands")
    .argument("[host]", "its id (default: the one that runs here)")
    .addHelpText(
      "after",
      `
A payment that PayPal could not collect may be late by the days that the network gives ("peerllm network price show" on
its operator's machine); then the host is given no paid work until it is paid.

Example:
  peerllm host subscription`,
    )
    .action(
      action(z.object({}), async (session, _, [named]) => {
        const hostId = named ?? (await hostHere(session));
        const gateway = await openGateway(session);
        const { subscriptions } = await gateway.call(economyRoutes["subscriptions-list"], {}, session.signal);
        const ofHost = subscriptions.filter((each) => each.hostId === hostId);
        const current = ofHost.find(({ standing }) => standing !== "unpaid") ?? ofHost[0];
        if (current === undefined) {
          throw new PeerError("not_found", `${hostId} has no subscription.`, {
            hint: `Where the network asks one, run "peerllm host subscribe ${hostId}".`,
          });
        }
        session.printer.result(current, () => session.printer.facts(factsOf(current)));
      }),
    );
}

function factsOf(subscription: SubscriptionDocument): [string, string][] {
  const { standing, status, usdPerMonth, paidThrough, servesUntil, outstandingUsd } = subscription;
  const late = servesUntil === null || servesUntil === paidThrough ? "no" : `until ${dayOf(servesUntil)}`;
  return [
    ["host", `${subscription.hostId ?? ""} ${standing}`],
    ["at PayPal", status],
    ["a month", `$${usdPerMonth}`],
    ["paid through", paidThrough === null ? "nothing yet" : dayOf(paidThrough)],
    ["may be late", late],
    ["outstanding", `$${outstandingUsd}`],
  ];
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

const ended = ["CANCELLED", "EXPIRED"];

/** `peerllm host unsubscribe [HOST]`: what is paid stays paid for, and what is cancelled can be cancelled again. */
export function hostUnsubscribeCommand(): Command {
  return new Command("unsubscribe")
    .description("stop paying a host's monthly fee; it serves on until the paid month ends")
    .argument("[host]", "its id (default: the one that runs here)")
    .addHelpText("after", "\nExample:\n  peerllm host unsubscribe")
    .action(
      action(z.object({}), async (session, _, [named]) => {
        const hostId = named ?? (await hostHere(session));
        const gateway = await openGateway(session);
        const { subscriptions } = await gateway.call(economyRoutes["subscriptions-list"], {}, session.signal);
        const own = subscriptions.filter((each) => each.hostId === hostId);
        const current = own.find(({ status }) => !ended.includes(status)) ?? own[0];
        if (current === undefined) throw new PeerError("not_found", `${hostId} has no subscription.`);
        const parameters = { subscriptionId: current.subscriptionId };
        const now = await gateway.call(economyRoutes["subscription-cancel"], {}, session.signal, parameters);
        session.printer.result(now, () => `The subscription of ${hostId} is ${now.status}.`);
      }),
    );
}

/** Tells the owner of the host here where its network gives it no work before its month is paid. That host is up anyway. */
export async function noteUnpaid(session: Session): Promise<void> {
  const { printer } = session;
  try {
    const feeUsd = await unpaidFeeUsd(session);
    if (feeUsd === null) return;
    printer.note(`This network gives work to hosts that pay $${feeUsd} a month. Run "peerllm host subscribe".`);
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    printer.note(`The network didn't say whether this host's month is paid. ${error.message}`);
  }
}

/** Null where nothing is owed. */
async function unpaidFeeUsd(session: Session): Promise<string | null> {
  const gateway = await openGateway(session);
  const { billing, hostSubscriptionUsd } = await gateway.call(routes["network-show"], {}, session.signal);
  if (billing !== "paypal") return null;
  const hostId = await hostHere(session);
  const { subscriptions } = await gateway.call(economyRoutes["subscriptions-list"], {}, session.signal);
  const isPaid = subscriptions.some((each) => each.hostId === hostId && each.standing !== "unpaid");
  return isPaid ? null : hostSubscriptionUsd;
}

async function hostHere(session: Session): Promise<string> {
  const { hostId } = await callDaemon(session.home, "host", hostMethods.status, {}, session.signal);
  if (hostId !== null) return hostId;
  throw new PeerError("usage_invalid", "The host here serves this machine alone; it needs no subscription.");
}
