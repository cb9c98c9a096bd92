import { createHash } from "node:crypto";
import { IntervalUnit, PlanRequestStatus, type SubscriptionsController, TenureType } from "@paypal/paypal-server-sdk";
import * as z from "zod";
import type { PayPalRecords } from "../../src/ledger/paypal-records.ts";
import type { NanoUsd } from "../../src/money.ts";
import { paypalValue } from "./amount.ts";
import { outcomeOf, refused, required } from "./paypal-error.ts";
import type { Rest } from "./rest.ts";

export interface PlanOptions {
  readonly controller: SubscriptionsController;
  readonly rest: Rest;
  readonly records: PayPalRecords;
  /** Sets one network's plans apart from another's on the same PayPal account. */
  readonly networkId: string;
}

const madeProduct = z.looseObject({ id: z.string() });
const plansPerPage = 20;
const pagesMax = 50;
/** PayPal's limit of a plan's name, in characters. */
const planNameLengthMax = 127;

/**
 * Monthly plans, made once and found again: by our own record, else at PayPal by the product's id (which we choose) and
 * the plan's name, so that a lost answer or a lost record makes no second one.
 */
export function newPlans({ controller, rest, records, networkId }: PlanOptions) {
  const productId = `PEERLLM-${networkId.slice(-26).toUpperCase()}`;

  async function planFor(title: string, monthly: NanoUsd): Promise<string> {
    const name = planName(title, monthly);
    const known = await records.find(`plan:${name}`);
    if (known !== null) return known;
    await makeProduct();
    const planId = (await findPlan(name)) ?? (await makePlan(name, monthly));
    await records.remember(`plan:${name}`, planId);
    return planId;
  }

  async function makeProduct(): Promise<void> {
    if ((await records.find("product")) !== null) return;
    const body = { id: productId, name: "PeerLLM", type: "SERVICE", category: "SOFTWARE" };
    const outcome = await outcomeOf("make a product", () =>
      rest({ method: "POST", path: "/v1/catalogs/products", body, requestId: productId }),
    );
    if (!outcome.isDone && outcome.refusal.issue !== "DUPLICATE_RESOURCE_IDENTIFIER") {
      throw refused("make a product", outcome.refusal);
    }
    await records.remember("product", outcome.isDone ? madeProduct.parse(outcome.result).id : productId);
  }

  async function findPlan(name: string): Promise<string | null> {
    for (let page = 1; page <= pagesMax; page += 1) {
      const answer = await required("list plans", () =>
        controller.listBillingPlans({ productId, pageSize: plansPerPage, page }),
      );
      const plans = answer.result.plans ?? [];
      const found = plans.find((plan) => plan.name === name && plan.status === "ACTIVE");
      if (found?.id !== undefined) return found.id;
      if (plans.length < plansPerPage) return null;
    }
    return null;
  }

  async function makePlan(name: string, monthly: NanoUsd): Promise<string> {
    const answer = await required("make a plan", () =>
      controller.createBillingPlan({
        paypalRequestId: `${productId}-${digestOf(name)}`,
        prefer: "return=representation",
        body: {
          productId,
          name,
          status: PlanRequestStatus.Active,
          billingCycles: [
            {
              frequency: { intervalUnit: IntervalUnit.Month, intervalCount: 1 },
              tenureType: TenureType.Regular,
              sequence: 1,
              totalCycles: 0,
              pricingScheme: { fixedPrice: { value: paypalValue(monthly), currencyCode: "USD" } },
            },
          ],
          paymentPreferences: { autoBillOutstanding: true, paymentFailureThreshold: 2 },
        },
      }),
    );
    return answer.result.id ?? "";
  }

  return { planFor };
}

/** Different for different plans, and no longer than PayPal takes. */
function planName(title: string, monthly: NanoUsd): string {
  const name = `${title}, $${paypalValue(monthly)} a month`;
  return name.length <= planNameLengthMax ? name : `${name.slice(0, planNameLengthMax - 33)} ${digestOf(name)}`;
}

function digestOf(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, 32);
}
