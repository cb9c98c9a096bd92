import { createServer } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import { keepAccount } from "../../../src/client/account-file.ts";
import { homeAt } from "../../../src/paths.ts";
import type { EarningsDocument } from "../../../src/protocol/economy-api.ts";
import { temporaryFolder } from "../../worlds/command.ts";
import { hasTmux, needsTmux, openTerminal } from "../../worlds/terminal.ts";
import { watching } from "../../worlds/watching.ts";

const slow = 240_000;
const words = ["earnings", "--watch"];
const firstDay = Date.parse("2026-10-24T00:00:00Z");

/** Thirty days of a host's owner, with a quiet week and a best day. */
function earningsDocument(): EarningsDocument {
  const days = Array.from({ length: 30 }, (_, index) => ({
    day: new Date(firstDay + index * 86_400_000).toISOString().slice(0, 10),
    tokens: index * 1_000,
    usd: index < 7 ? "0.00" : index === 20 ? "3.25" : `0.${String(10 + index)}`,
  }));
  const subscription = {
    kind: "host",
    model: null,
    usdPerMonth: "5.00",
    status: "ACTIVE",
    outstandingUsd: "0.00",
    approvalUrl: null,
  };
  const paid = { paidThrough: firstDay, servesUntil: firstDay + 3 * 86_400_000 };
  const late = { paidThrough: firstDay - 86_400_000, servesUntil: firstDay + 2 * 86_400_000 };
  return {
    today: "0.39",
    month: "8.123456789",
    allTime: "1042.10",
    pending: "25.00",
    payable: "8.51",
    paid: "1008.59",
    owed: "0.00",
    monthEstimate: "11.24",
    hosts: Array.from({ length: 12 }, (_, index) => ({
      hostId: `host_${String(index).padStart(2, "0").padEnd(26, "x")}`,
      tokens: 9_000_000 - index * 700_000,
      usd: `${85 - index * 6}.50`,
    })),
    models: [
      { model: "peerllm/demo:1.0.0", tokens: 61_000_000, usd: "579.50" },
      { model: "acme/large-instruct:2.0.1", tokens: 1_234_567, usd: "11.7283865" },
    ],
    days,
    subscriptions: [
      { ...subscription, subscriptionId: "one", hostId: "host_00xxxxxxxx", standing: "paid", ...paid },
      { ...subscription, subscriptionId: "two", hostId: "host_01xxxxxxxx", standing: "grace", ...late },
    ],
  };
}

/** A network's API with an account's earnings, which the test may change, and a home with a key for it. */
async function earningNetwork() {
  const network = { earnings: earningsDocument() };
  const server = createServer((request, response) => {
    const isAsked = request.url === "/api/v1/earnings" && request.headers.authorization === "Bearer a-key";
    response.writeHead(isAsked ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(isAsked ? network.earnings : {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The network has no port.");
  const networkUrl = `http://127.0.0.1:${address.port}`;
  const home = await temporaryFolder();
  const account = { networkUrl, accountId: "account_a", apiKey: "a-key", name: null };
  await keepAccount(homeAt(home), async () => account, new AbortController().signal);
  return { network, home, networkUrl };
}

describe.runIf(hasTmux)(`the earnings' screen in a terminal${needsTmux}`, () => {
  test(
    "fits 80×24 and 120×40, follows the network, and leaves nothing behind when resized",
    async () => {
      const { network, home, networkUrl } = await earningNetwork();
      const terminal = await openTerminal(words, { home, columns: 80, rows: 24 });
      const settled = (screen: string) => screen.trimEnd().replace(networkUrl, "URL");
      const small = settled(await terminal.until(/q quit/));
      expect(small).toMatchInlineSnapshot(`
        "Earnings on URL

        today      $0.39          this month $8.123456789   all time   $1042.10
        pending    $25.00         payable    $8.51          paid       $1008.59
        About $11.24 this month, if it goes on as the last days: no promise.
        subscriptions: host 01xxxxxxxx grace until 2026-10-26, host 00xxxxxxxx paid thr…

        30 days, 2026-10-24 to 2026-11-22, most on 2026-11-13: $3.25
                                                ██
                                                ██
                                                ██
        ··············▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▃▃▃▃▃▃▃▃██▃▃▃▃▃▃▃▃▃▃▄▄▄▄▄▄▄▄

        HOST           TOKENS          USD  MODEL                    TOKENS          USD
        00xxxxxx…   9,000,000        85.50  peerllm/demo:1.0.0   61,000,000       579.50
        01xxxxxx…   8,300,000        79.50  acme/large-instruc…   1,234,567   11.7283865
        02xxxxxx…   7,600,000        73.50
        03xxxxxx…   6,900,000        67.50
        04xxxxxx…   6,200,000        61.50
        05xxxxxx…   5,500,000        55.50
        06xxxxxx…   4,800,000        49.50
        07xxxxxx…   4,100,000        43.50
        08xxxxxx…   3,400,000        37.50
        1–9 of 12 · ↑↓ scroll · q quit"
      `);
      expect(Math.max(...(await terminal.lines()).map((line) => line.length))).toBeLessThanOrEqual(80);

      await terminal.resize(120, 40);
      const large = settled(await terminal.until(/1–12 of 12/));
      expect(large).toMatchInlineSnapshot(`
        "Earnings on URL

        today      $0.39          this month $8.123456789   all time   $1042.10
        pending    $25.00         payable    $8.51          paid       $1008.59
        About $11.24 this month, if it goes on as the last days: no promise.
        subscriptions: host 01xxxxxxxx grace until 2026-10-26, host 00xxxxxxxx paid through 2026-10-24

        30 days, 2026-10-24 to 2026-11-22, most on 2026-11-13: $3.25
                                                                                        ████
                                                                                        ████
                                                                                        ████
                                                                                        ████
                                                                                        ████
                                                                                        ████
                                                                                        ████
        ····························▃▃▃▃▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▆▆▆▆▆▆▆▆████▆▆▆▆▆▆▆▆▆▆▆▆▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇████

        HOST                                    TOKENS          USD  MODEL                                   TOKENS          USD
        00xxxxxxxxxxxxxxxxxxxxxxxx           9,000,000        85.50  peerllm/demo:1.0.0                  61,000,000       579.50
        01xxxxxxxxxxxxxxxxxxxxxxxx           8,300,000        79.50  acme/large-instruct:2.0.1            1,234,567   11.7283865
        02xxxxxxxxxxxxxxxxxxxxxxxx           7,600,000        73.50
        03xxxxxxxxxxxxxxxxxxxxxxxx           6,900,000        67.50
        04xxxxxxxxxxxxxxxxxxxxxxxx           6,200,000        61.50
        05xxxxxxxxxxxxxxxxxxxxxxxx           5,500,000        55.50
        06xxxxxxxxxxxxxxxxxxxxxxxx           4,800,000        49.50
        07xxxxxxxxxxxxxxxxxxxxxxxx           4,100,000        43.50
        08xxxxxxxxxxxxxxxxxxxxxxxx           3,400,000        37.50
        09xxxxxxxxxxxxxxxxxxxxxxxx           2,700,000        31.50
        10xxxxxxxxxxxxxxxxxxxxxxxx           2,000,000        25.50
        11xxxxxxxxxxxxxxxxxxxxxxxx           1,300,000        19.50
        1–12 of 12 · ↑↓ scroll · q quit"
      `);
      await terminal.resize(80, 24);
      await terminal.until((screen) => settled(screen) === small);
      await terminal.resize(120, 40);
      await terminal.until((screen) => settled(screen) === large);

      network.earnings = { ...network.earnings, today: "0.4000095", subscriptions: [], monthEstimate: null };
      const later = settled(await terminal.until(/today +\$0\.4000095 /));
      expect(later).toContain("subscriptions: none");
      expect(later).toMatch(/^Earnings on URL\n\n/);
      network.earnings = { ...network.earnings, owed: "15.00" };
      await terminal.until(/\n\$15\.00 is owed for a payment taken back: what is payable pays it first\.\ntoday /);
      expect(later).toContain("The month's estimate comes after a whole day.");
    },
    slow,
  );

  test(
    "scrolls its hosts, colours nothing with NO_COLOR, and gives the terminal back",
    async () => {
      const { home } = await earningNetwork();
      const terminal = await openTerminal(words, { home, columns: 80, rows: 24, env: { NO_COLOR: "1" } });
      await terminal.until(/1–9 of 12/);
      await terminal.press("Down", "Down");
      expect(await terminal.until(/3–11 of 12/)).not.toContain("\n01xxxxxxxx");
      expect(await terminal.coloured()).not.toContain("\u001B");
      await terminal.press("q");
      expect(await terminal.until(/Ended with/)).toBe("Before it.\nEnded with 0.");
    },
    slow,
  );

  test(
    "says why where there is nothing to show, and how to go on",
    async () => {
      const home = await temporaryFolder();
      const terminal = await openTerminal([...words, "--network", "http://127.0.0.1:1"], {
        home,
        columns: 80,
        rows: 24,
      });
      expect(await terminal.until(/Ended with 3/)).toContain("peerllm account create");
    },
    slow,
  );
});

test("without a terminal it is one line per change, with --json one document", { timeout: slow }, async () => {
  const { network, home } = await earningNetwork();
  const piped = [watching(words, home), watching([...words, "--json"], home)] as const;
  for (const each of piped) await each.until("\n");
  network.earnings = { ...network.earnings, today: "0.41", payable: "8.53" };
  for (const each of piped) await each.until("8.53");
  const [lines, documents] = [await piped[0].stop(), await piped[1].stop()];
  expect(lines).toEqual({
    code: 0,
    stdout:
      "TIME  today $0.39, month $8.123456789, payable $8.51\nTIME  today $0.41, month $8.123456789, payable $8.53\n",
  });
  const read = documents.stdout.trimEnd().split("\n");
  expect(read.map((line): unknown => JSON.parse(line))).toEqual([earningsDocument(), network.earnings]);
});
