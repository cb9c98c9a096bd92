import { expect, test, vi } from "vitest";
import { z } from "zod";
import { billingNetwork, documentOf, type Member } from "../worlds/billing-network.ts";

test("hosts whose subscriptions one PayPal account pays have one owner, whoever's accounts they are", async () => {
  const { simulator, join, operate, audit } = await billingNetwork("paypal");
  const members: Member[] = [];
  const ownerOfEach = async () => {
    const shape = z.object({ hosts: z.array(z.looseObject({ hostId: z.string(), owner: z.string() })) });
    const { hosts } = documentOf(await operate("network", "hosts"), shape);
    return new Map(hosts.map(({ hostId, owner }) => [hostId, owner]));
  };
  for (const [name, payerId] of [
    ["ada", "PAYERABCD2345"],
    ["ada's other account", "PAYERABCD2345"],
    ["bob", "PAYERXYZW6789"],
  ] as const) {
    const member = await join(name);
    if (members.length === 0) await member.publish();
    members.push(member);
    const hostId = await member.host();
    const begun = await member.run("host", "subscribe", hostId, "--no-wait");
    simulator.subscriptions.payerId = payerId;
    await simulator.approve(documentOf(begun, z.object({ approvalUrl: z.string() })).approvalUrl);
    await vi.waitUntil(async () => (await ownerOfEach()).get(hostId) !== "unverified", {
      timeout: 60_000,
      interval: 300,
    });
  }

  const owners = [...(await ownerOfEach()).values()];
  expect(owners).toHaveLength(3);
  expect(new Set(owners).size).toBe(2);
  for (const owner of owners) expect(owner).toMatch(/^payment:[a-z2-7]{26}$/);
  expect((await members[0]?.run("account", "show"))?.json()).toMatchObject({ isVouched: false, owner: owners[0] });
  await audit();
}, 300_000);
