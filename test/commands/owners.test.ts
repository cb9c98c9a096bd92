import { expect, test, vi } from "vitest";
import * as z from "zod";
import { billingNetwork, documentOf } from "../worlds/billing-network.ts";

const hostsShape = z.object({ hosts: z.array(z.looseObject({ owner: z.string() })) });

test("hosts whose subscriptions one PayPal account pays have one owner, whoever's accounts they are", async () => {
  const { simulator, join, operate, audit } = await billingNetwork("paypal");
  const [ada, other] = [await join("ada"), await join("ada's other account")];
  const owners = async () => documentOf(await operate("network", "hosts"), hostsShape).hosts.map(({ owner }) => owner);
  const subscribe = async ({ run }: typeof ada, hostId: string) => {
    const waiting = run("host", "subscribe", hostId);
    await vi.waitUntil(() => simulator.subscriptions.open().length > 0, { timeout: 60_000 });
    for (const paypalId of simulator.subscriptions.open()) simulator.subscriptions.approve(paypalId);
    expect(documentOf(await waiting, z.looseObject({}))).toMatchObject({ standing: "paid" });
  };

  await ada.publish();
  const [adas, others] = [await ada.host(), await other.host()];
  expect(await owners()).toEqual(["unverified", "unverified"]);
  await subscribe(ada, adas);
  const [owner = ""] = await owners();
  expect(owner).toMatch(/^payment:[a-z2-7]{26}$/);
  expect(await owners()).toEqual([owner, "unverified"]);
  await subscribe(other, others);
  expect(await owners()).toEqual([owner, owner]);
  expect((await other.run("account", "show")).json()).toMatchObject({ isVouched: false, owner });
  await audit();
}, 300_000);
