import { Command } from "commander";
import * as z from "zod";
import type { Gateway } from "../src/client/gateway.ts";
import { PeerError } from "../src/errors.ts";
import { parsePublishedReference } from "../src/models/reference.ts";
import { economyRoutes, type PurchaseDocument, type SubscriptionDocument } from "../src/protocol/economy-api.ts";
import { openGateway } from "./access.ts";
import { waitForApproval } from "./approval.ts";
import { action, type Session } from "./session.ts";

const waiting = z.object({ wait: z.boolean().default(true) });
const subscribing = waiting.extend({ cancel: z.boolean().default(false) });

/** `peerllm models buy REF`: the weights of a model, paid for once. */
export function buyCommand(): Command {
  return new Command("buy")
    .description("buy a model's weights, to download or to host them")
    .argument("<model>", "owner/name or owner/name:version; one version is bought, the newest unless you say")
    .option("--no-wait", "print the approval link and return")
    .addHelpText(
      "after",
      `
It is paid through PayPal, or from your credit where the network bills in credits. Whoever only sends prompts to a
host of the model buys nothing.

Examples:
  peerllm models buy acme/pro
  peerllm models buy acme/pro:1.0.0 --no-wait --json`,
    )
    .action(
      action(waiting, async (session, { wait }, [reference = ""]) => {
        const gateway = await openGateway(session);
        const { parameters, request } = partsOf(reference);
        const begun = await gateway.call(economyRoutes["model-buy"], request, session.signal, parameters);
        const { paymentId } = begun;
        const isOpen = begun.state === "open" && paymentId !== null;
        const bought = isOpen && wait ? await waitForPayment(session, gateway, begun, paymentId) : begun;
        if (bought.state === "failed") {
          throw new PeerError("payment_failed", `The payment of $${bought.usd} for ${bought.model} was declined.`, {
            hint: `Nothing was taken. Try again: "peerllm models buy ${bought.model}".`,
          });
        }
        session.printer.result(bought, () => describePurchase(bought));
      }),
    );
}

/** `peerllm models subscribe REF`: the weights of a model, paid for every month. */
export function subscribeCommand(): Command {
  return new Command("subscribe")
    .description("pay for a model's weights every month, to download and to host them")
    .argument("<model>", "owner/name or owner/name:version")
    .option("--cancel", "stop the subscription; what is paid stays paid for")
    .option("--no-wait", "print the approval link and return")
    .addHelpText(
      "after",
      `
Paid from credit, where the network bills in credits, it ends with the month that your credit no longer covers.
When the paid time is over, your hosts get no more work with the model.

Examples:
  peerllm models subscribe acme/pro
  peerllm models subscribe acme/pro --cancel`,
    )
    .action(
      action(subscribing, async (session, { wait, cancel }, [reference = ""]) => {
        const gateway = await openGateway(session);
        const { parameters, request } = partsOf(reference);
        if (cancel) {
          const ended = await cancelSubscription(session, gateway, reference);
          return session.printer.result(ended, () => `${ended.model} is no longer subscribed to. ${paidUntil(ended)}`);
        }
        const begun = await gateway.call(economyRoutes["model-subscribe"], request, session.signal, parameters);
        const now = wait ? await waitForSubscription(session, gateway, begun) : begun;
        session.printer.result(now, () =>
          now.standing === "paid" ? `${now.model} is yours. ${paidUntil(now)}` : `Approve it at ${now.approvalUrl}`,
        );
      }),
    );
}

function partsOf(reference: string) {
  const { name, version } = parsePublishedReference(reference);
  const [owner = "", base = ""] = name.split("/");
  return { parameters: { owner, name: base }, request: version === undefined ? {} : { version } };
}

async function waitForPayment(
  session: Session,
  gateway: Gateway,
  begun: PurchaseDocument,
  paymentId: string,
): Promise<PurchaseDocument> {
  const read = () => gateway.call(economyRoutes["billing-payment"], {}, session.signal, { paymentId });
  const payment = await waitForApproval(session, {
    url: begun.approvalUrl,
    read,
    isDone: ({ state }) => state !== "open",
  });
  return { ...begun, state: payment.state };
}

async function waitForSubscription(
  session: Session,
  gateway: Gateway,
  begun: SubscriptionDocument,
): Promise<SubscriptionDocument> {
  if (begun.standing === "paid") return begun;
  const { subscriptionId } = begun;
  const read = () => gateway.call(economyRoutes["subscription-show"], {}, session.signal, { subscriptionId });
  const isDone = ({ standing, status }: SubscriptionDocument) =>
    standing === "paid" || status === "CANCELLED" || status === "EXPIRED";
  const now = await waitForApproval(session, { url: begun.approvalUrl, read, isDone });
  if (now.standing === "paid") return now;
  throw new PeerError("payment_failed", `The subscription to ${now.model} is ${now.status}; no month was paid.`);
}

/** Ends the one live subscription that `reference` names, with or without its version; one that has ended stays so. */
async function cancelSubscription(session: Session, gateway: Gateway, reference: string) {
  const { subscriptions } = await gateway.call(economyRoutes["subscriptions-list"], {}, session.signal);
  const named = subscriptions.filter(({ model }) => model === reference || model?.startsWith(`${reference}:`) === true);
  const live = named.filter(({ status }) => status === "ACTIVE" || status === "SUSPENDED");
  const [only = named.find(({ status }) => status === "CANCELLED"), ...others] = live;
  if (only === undefined) throw new PeerError("not_found", `This account has no active subscription to ${reference}.`);
  if (others.length > 0) {
    const models = live.map(({ model }) => model).join(", ");
    throw new PeerError("usage_invalid", `Say which version's subscription to cancel: ${models}.`);
  }
  const parameters = { subscriptionId: only.subscriptionId };
  return gateway.call(economyRoutes["subscription-cancel"], {}, session.signal, parameters);
}

function describePurchase({ model, usd, state, approvalUrl, paymentId }: PurchaseDocument): string {
  if (state === "open") return `Approve it at ${approvalUrl}`;
  return paymentId === null ? `${model} costs you nothing here.` : `${model} is yours, for $${usd}.`;
}

function paidUntil({ paidThrough }: SubscriptionDocument): string {
  return paidThrough === null ? "" : `It is paid through ${new Date(paidThrough).toISOString().slice(0, 10)}.`;
}
