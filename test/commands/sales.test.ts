import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import * as z from "zod";
import { billingNetwork, documentOf } from "../worlds/billing-network.ts";
import { peerllm, temporaryFolder } from "../worlds/command.ts";

const slow = 300_000;
const soon = { timeout: 60_000, interval: 300 };
const model = "peerllm/demo:1.0.0";

describe("a model sold once through PayPal", () => {
  test(
    "is for its producer and its buyers, charged once however often PayPal says so, until the sale is taken back",
    async () => {
      const { simulator, join, audit } = await billingNetwork("paypal");
      const [producer, buyer] = [await join("producer"), await join("buyer")];
      const digest = await producer.publish("--price", "20");
      expect([await producer.download(digest), await buyer.download(digest)]).toEqual([206, 402]);

      const refused = await buyer.run("host", "up", "--gpu", "off", "--model", model);
      expect(refused).toMatchObject({ code: 3 });
      expect(refused.json()).toMatchObject({
        error: { code: "payment_required", hint: `Run "peerllm models buy ${model}".` },
      });
      expect(await buyer.run("models", "subscribe", model)).toMatchObject({ code: 2 });
      expect(await producer.run("models", "buy", model)).toMatchObject({ code: 0 });

      simulator.orders.nextCapture = "DECLINED";
      const declined = buyer.run("models", "buy", "peerllm/demo");
      await vi.waitUntil(() => simulator.orders.openOrders().length > 0, soon);
      for (const order of simulator.orders.openOrders()) simulator.orders.approve(order);
      expect(await declined).toMatchObject({ code: 3 });
      expect((await declined).json()).toMatchObject({ error: { code: "payment_failed" } });
      expect(await buyer.download(digest)).toBe(402);

      simulator.webhooks.faults.copies = 3;
      const begun = documentOf(
        await buyer.run("models", "buy", "peerllm/demo", "--no-wait"),
        z.object({ paymentId: z.string(), approvalUrl: z.string(), usd: z.literal("20.00") }),
      );
      const again = documentOf(await buyer.run("models", "buy", model, "--no-wait"), z.looseObject({}));
      expect(again).toMatchObject({ paymentId: begun.paymentId, state: "open" });
      await simulator.approve(begun.approvalUrl);
      const bought = await buyer.run("models", "buy", model);
      expect(documentOf(bought, z.looseObject({}))).toMatchObject({ paymentId: begun.paymentId, state: "completed" });
      expect(await buyer.download(digest)).toBe(206);
      expect(simulator.orders.captureIds()).toHaveLength(1);

      const sales = await producer.run("producer", "sales");
      const parts = { usd: "20.00", feeUsd: "1.19", networkUsd: "1.00", earnedUsd: "17.81" };
      expect(sales.json()).toEqual({
        models: [{ model, copies: 1, months: 0, refunds: 0, activeSubscriptions: 0, ...parts }],
        sales: [{ at: expect.any(Number), model, kind: "once", ...parts }],
      });
      expect(sales.stdout).not.toContain(buyer.accountId);
      expect((await audit()).totals).toMatchObject({ "producer-payable": "17.81", "paypal-clearing": "18.81" });

      simulator.orders.refund(simulator.orders.captureIds()[0] ?? "", 2_000);
      await vi.waitUntil(async () => (await buyer.download(digest)) === 402, soon);
      expect((await producer.run("producer", "sales")).json()).toMatchObject({
        models: [{ copies: 1, refunds: 1, usd: "0.00", networkUsd: "0.00", earnedUsd: "-1.19" }],
      });
      const { totals } = await audit();
      expect(totals).toMatchObject({ "producer-payable": "0.00", receivable: "1.19", "paypal-clearing": "-1.19" });
      const table = await peerllm(["producer", "sales"], { home: producer.home });
      expect(table.stdout).toMatch(/MODEL +ONCE +MONTHS +ACTIVE +REFUNDS +USD +FEES +NETWORK +EARNED/);
    },
    slow,
  );
});

describe("a model sold by the month through PayPal", () => {
  test(
    "is served by who subscribes, though every webhook is lost, and no longer when a month is taken back",
    async () => {
      const { simulator, join, operate, audit } = await billingNetwork("paypal");
      const [producer, owner] = [await join("producer"), await join("owner")];
      await producer.publish("--monthly", "3");
      expect(await owner.run("models", "buy", model)).toMatchObject({ code: 2 });

      simulator.webhooks.faults.isLossy = true;
      const waiting = owner.run("models", "subscribe", "peerllm/demo");
      await vi.waitUntil(() => simulator.subscriptions.open().length > 0, soon);
      const [paypalId = ""] = simulator.subscriptions.open();
      simulator.subscriptions.approve(paypalId);
      const subscribed = documentOf(await waiting, z.looseObject({ paidThrough: z.number() }));
      expect(subscribed).toMatchObject({ model, kind: "model", standing: "paid", usdPerMonth: "3.00" });

      await owner.host();
      await vi.waitUntil(async () => (await owner.hostsServing()) === 1, soon);

      const cancelled = await owner.run("models", "subscribe", "peerllm/demo", "--cancel");
      expect(documentOf(cancelled, z.looseObject({}))).toMatchObject({
        status: "CANCELLED",
        standing: "paid",
        paidThrough: subscribed.paidThrough,
      });
      expect(await owner.hostsServing()).toBe(1);
      expect((await producer.run("producer", "sales")).json()).toMatchObject({
        models: [{ model, months: 1, activeSubscriptions: 0, usd: "3.00", feeUsd: "0.59", earnedUsd: "2.26" }],
      });

      simulator.webhooks.faults.isLossy = false;
      simulator.subscriptions.reverse(paypalId);
      await vi.waitUntil(async () => (await owner.hostsServing()) === 0, soon);
      expect((await operate("network", "status")).json()).toMatchObject({ hosts: [{ models: [] }] });
      await audit();
    },
    slow,
  );
});

describe("a network that bills in credits", () => {
  test(
    "takes the price from the buyer's credit once, every month where it is subscribed to, and to the nano",
    async () => {
      const { join, operate, audit } = await billingNetwork("credits");
      const [producer, buyer, subscriber] = [await join("producer"), await join("buyer"), await join("subscriber")];
      const digest = await producer.publish("--price", "20", "--monthly", "3");
      const short = await buyer.run("models", "buy", model);
      expect(short).toMatchObject({ code: 3 });
      expect(short.json()).toMatchObject({ error: { code: "insufficient_quota" } });

      await operate("network", "credit", buyer.accountId, "25");
      await operate("network", "credit", subscriber.accountId, "5");
      const bought = documentOf(await buyer.run("models", "buy", model), z.looseObject({ paymentId: z.string() }));
      const again = await Promise.all([buyer.run("models", "buy", model), buyer.run("models", "buy", "peerllm/demo")]);
      for (const ran of again) expect(ran.json()).toMatchObject({ paymentId: bought.paymentId, state: "completed" });
      expect((await buyer.run("billing", "balance")).json()).toMatchObject({ available: "5.00" });

      const subscribed = documentOf(await subscriber.run("models", "subscribe", model), z.looseObject({}));
      expect(subscribed).toMatchObject({ standing: "paid", status: "ACTIVE" });
      await subscriber.run("models", "subscribe", model, "--cancel");
      expect(documentOf(await subscriber.run("models", "subscribe", model), z.looseObject({}))).toEqual(subscribed);
      expect((await subscriber.run("billing", "balance")).json()).toMatchObject({ available: "2.00" });
      expect([await buyer.download(digest), await subscriber.download(digest)]).toEqual([206, 206]);

      expect((await producer.run("producer", "sales")).json()).toMatchObject({
        models: [{ copies: 1, months: 1, activeSubscriptions: 1, usd: "23.00", feeUsd: "0.00", earnedUsd: "21.85" }],
      });
      expect((await producer.run("earnings")).json()).toMatchObject({
        allTime: "21.85",
        payable: "21.85",
        models: [{ model, tokens: 0, usd: "21.85" }],
      });
      expect((await audit()).totals).toMatchObject({
        "consumer-credit": "7.00",
        "producer-payable": "21.85",
        "network-revenue": "1.15",
        promotions: "30.00",
      });
    },
    slow,
  );

  test(
    "or in nothing gives the weights to everyone",
    async () => {
      const { join } = await billingNetwork("off");
      const [producer, member] = [await join("producer"), await join("member")];
      const digest = await producer.publish("--price", "20");
      expect(await member.download(digest)).toBe(206);
      expect((await member.run("models", "buy", model)).json()).toMatchObject({ usd: "0.00", state: "completed" });
    },
    slow,
  );
});

describe("a model bought on one network", () => {
  test(
    "is pulled by its buyer, served to one machine alone, and added to a private network as its producer signed it",
    async () => {
      const { url, join, operate } = await billingNetwork("credits");
      const [producer, buyer] = [await join("producer"), await join("buyer")];
      const digest = await producer.publish("--price", "20");
      const folder = await temporaryFolder();
      const file = path.join(folder, "demo.gguf");
      const pull = () => buyer.run("models", "pull", "peerllm/demo", "--to", folder, "--network", url);
      const refused = await pull();
      expect(refused).toMatchObject({ code: 3 });
      expect(refused.json()).toMatchObject({
        error: { code: "payment_required", hint: `Run "peerllm models buy ${model}".` },
      });
      await operate("network", "credit", buyer.accountId, "25");
      expect(await buyer.run("models", "buy", model)).toMatchObject({ code: 0 });
      const manifest = `${file}.signed.json`;
      expect(documentOf(await pull(), z.looseObject({}))).toMatchObject({ model, digest, file, manifest });
      expect(
        createHash("sha256")
          .update(await readFile(file))
          .digest("hex"),
      ).toBe(digest);
      expect(await pull()).toMatchObject({ code: 0 });

      const alone = await temporaryFolder();
      onTestFinished(async () => void (await peerllm(["host", "down", "--now"], { home: alone })));
      const local = ["host", "up", "--local", "--port", "0", "--gpu", "off", "--model", file, "--json"];
      expect(documentOf(await peerllm(local, { home: alone }), z.looseObject({}))).toMatchObject({ models: ["demo"] });
      await peerllm(["host", "down", "--now"], { home: alone });

      const club = await temporaryFolder();
      onTestFinished(async () => void (await peerllm(["network", "down", "--now"], { home: club })));
      const up = await peerllm(["network", "up", "--private", "--billing", "off", "--port", "0", "--json"], {
        home: club,
      });
      const there = documentOf(up, z.object({ url: z.string() })).url;
      const invited = await peerllm(["network", "invite", "--json"], { home: club });
      const { invite } = documentOf(invited, z.looseObject({ invite: z.string() }));
      const joined = ["account", "create", "--network", there, "--invite", invite];
      expect(await buyer.run(...joined)).toMatchObject({ code: 0 });

      const add = (network: string) => buyer.run("models", "add", file, "--network", network);
      expect(await add(url)).toMatchObject({ code: 3 });
      const signed = await readFile(manifest, "utf8");
      await writeFile(manifest, signed.replace('"summary":""', '"summary":"Mine."'));
      expect(await add(there)).toMatchObject({ code: 5 });
      await writeFile(manifest, signed);
      const weights = await readFile(file);
      await writeFile(file, Buffer.concat([weights.subarray(1), weights.subarray(0, 1)]));
      expect(await add(there)).toMatchObject({ code: 5 });
      await writeFile(file, weights);
      expect(documentOf(await add(there), z.looseObject({}))).toMatchObject({ model, digest });

      const words = ["host", "up", "--gpu", "off", "--model", model, "--network", there];
      onTestFinished(async () => void (await buyer.run("host", "down", "--now")));
      expect(documentOf(await buyer.run(...words), z.looseObject({}))).toMatchObject({ models: [model] });
      const asked = await buyer.run("chat", "What is PeerLLM?", "--network", there);
      expect(documentOf(asked, z.looseObject({}))).toMatchObject({ model });
    },
    slow,
  );
});
