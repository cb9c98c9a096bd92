import { createServer } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import { keepAccount } from "../../../src/client/account-file.ts";
import { keepBenchmark } from "../../../src/client/kept-benchmark.ts";
import { homeAt } from "../../../src/paths.ts";
import { peerllm, temporaryFolder } from "../../worlds/command.ts";
import { hasTmux, needsTmux, openTerminal } from "../../worlds/terminal.ts";

const slow = 240_000;
const words = ["earnings", "calculator"];

/** A home whose host once measured 4 answers at once, 9.25 tokens per second each. */
async function measuredHome(): Promise<string> {
  const home = await temporaryFolder();
  await keepBenchmark(homeAt(home), {
    measuredAt: Date.parse("2026-11-20T08:00:00Z"),
    model: "peerllm/demo:1.0.0",
    sequences: 4,
    prefillTokensPerSecond: 400,
    decodeTokensPerSecond: 21,
    decodeTokensPerSecondAtAllSequences: 37,
  });
  return home;
}

describe.runIf(hasTmux)(`the calculator's screen in a terminal${needsTmux}`, () => {
  test(
    "starts from this machine's own speed, in 80×24 and 120×40, and leaves nothing behind when resized",
    async () => {
      const terminal = await openTerminal(words, { home: await measuredHome(), columns: 80, rows: 24 });
      const small = await terminal.until(/q quit/);
      expect(small).toMatchInlineSnapshot(`
        "What hosts may earn in a month of 30 days: an estimate, not a promise

        › tokens per second ━━━━━━━━●───────────────        9.3 of each conversation
          conversations     ━━━━━━━●────────────────          4 at once on each host
          hosts             ●───────────────────────          1
          hours a day       ━━━━━━━━━━━━━━━━━━━━━━━●       24.0 busy
          electricity       ●───────────────────────      $0.00 a month, all hosts
          internet          ●───────────────────────      $0.00 a month, all hosts
        Speed: this machine's own, measured 2026-11-20 with peerllm/demo:1.0.0.
        Prices: what a network begins with; no network is known here.

        tokens a month              96,422,400
        consumers pay                 $964.224
        hosts' 95%                   $916.0128
        costs                            $0.00  without $5.00 subscription a host
        net                          $916.0128

        It counts every one of those hours as busy, which no network promises. 500,000
        tokens pay one month's subscription of $5.00 only nearly: the host's share is
        $4.75. 526,316 pay it.
        tab ↑↓ choose · ←→ move · digits set · s subscription · q quit"
      `);
      await terminal.resize(120, 40);
      const large = await terminal.until(/━{30}/);
      expect(large).toMatchInlineSnapshot(`
        "What hosts may earn in a month of 30 days: an estimate, not a promise

        › tokens per second ━━━━━━━━━━━━━━━━━━━━●───────────────────────────────────────        9.3 of each conversation
          conversations     ━━━━━━━━━━━━━━━━━━●─────────────────────────────────────────          4 at once on each host
          hosts             ●───────────────────────────────────────────────────────────          1
          hours a day       ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━●       24.0 busy
          electricity       ●───────────────────────────────────────────────────────────      $0.00 a month, all hosts
          internet          ●───────────────────────────────────────────────────────────      $0.00 a month, all hosts
        Speed: this machine's own, measured 2026-11-20 with peerllm/demo:1.0.0.
        Prices: what a network begins with; no network is known here.

        tokens a month              96,422,400
        consumers pay                 $964.224
        hosts' 95%                   $916.0128
        costs                            $0.00  without $5.00 subscription a host
        net                          $916.0128

        It counts every one of those hours as busy, which no network promises. 500,000 tokens pay one month's subscription of
        $5.00 only nearly: the host's share is $4.75. 526,316 pay it.
        tab ↑↓ choose · ←→ move · digits set · s subscription · q quit"
      `);
      await terminal.resize(80, 24);
      await terminal.until((screen) => screen.trimEnd() === small);
      expect(Math.max(...(await terminal.lines()).map((line) => line.length))).toBeLessThanOrEqual(80);
      await terminal.resize(120, 40);
      await terminal.until((screen) => screen.trimEnd() === large);
    },
    slow,
  );

  test(
    "moves and types figures, and comes to the same as the JSON of the same figures",
    async () => {
      const home = await temporaryFolder();
      const terminal = await openTerminal(words, { home, columns: 80, rows: 24, env: { NO_COLOR: "1" } });
      expect(await terminal.until(/q quit/)).toContain("Speed: assumed.");
      await terminal.press("Right", "Right", "Left", "PageUp");
      await terminal.until(/› tokens per second .* 31\.0 of each/);
      await terminal.press("Tab", "1", "2");
      await terminal.until(/› conversations .* 12▏ at once/);
      await terminal.press("Down", "Left", "Down", "8", ".", "5");
      await terminal.until(/› hours a day .* 8\.5▏ busy/);
      await terminal.press("Tab", "1", "2", ".", "5", "7", "Tab", "9", "9", "9", "9");
      await terminal.until(/› internet .* 9999▏ \$0\.00 to \$1,000\.00/);
      await terminal.press("BSpace", "BSpace", "s");
      const screen = await terminal.until(/with \$5\.00 subscription/);
      expect(await terminal.coloured()).not.toContain("\u001B");

      const flags = "--tokens-per-second 31 --conversations 12 --hours 8.5 --electricity 12.57 --internet 99";
      const ran = await peerllm([...words, ...flags.split(" "), "--billing", "paypal", "--json"], { home });
      expect(ran.json()).toMatchObject({ gross: "3414.96", hostShare: "3244.212", costs: "116.57", net: "3127.642" });
      expect(screen).toMatch(
        /consumers pay +\$3414\.96\nhosts' 95% +\$3244\.212\ncosts +\$116\.57 .*\nnet +\$3127\.642\n/,
      );

      await terminal.press("q");
      expect(await terminal.until(/Ended with/)).toBe("Before it.\nEnded with 0.");
    },
    slow,
  );

  test(
    "begins with the prices and the subscription of the network it is on",
    async () => {
      const { networkUrl } = await pricedNetwork();
      const home = await temporaryFolder();
      const terminal = await openTerminal([...words, "--network", networkUrl], { home, columns: 80, rows: 24 });
      const screen = await terminal.until(/with \$6\.00 subscription a host/);
      expect(screen).toContain(`Prices: of ${networkUrl}, version 3: $0.80 per 100,000 tokens.`);
      expect(screen).toMatch(/\nhosts' 92\.5% +\$1534\.464\ncosts +\$6\.00 /);
      await terminal.press("s");
      expect(await terminal.until(/without \$6\.00 subscription/)).toMatch(/\ncosts +\$0\.00 /);
    },
    slow,
  );
});

test("without a terminal the calculator says what it assumed, where from, and what it is", {
  timeout: slow,
}, async () => {
  const measured = await measuredHome();
  expect((await peerllm([...words, "--json"], { home: measured })).json()).toEqual({
    gross: "964.224",
    hostShare: "916.0128",
    costs: "0.00",
    net: "916.0128",
    tokens: 96_422_400,
    assumed: {
      tokensPerSecond: 9.3,
      conversations: 4,
      hosts: 1,
      hours: 24,
      electricity: "0.00",
      internet: "0.00",
      billing: "credits",
      source: "Speed: this machine's own, measured 2026-11-20 with peerllm/demo:1.0.0.",
    },
    prices: {
      source: "built-in",
      networkUrl: null,
      version: 1,
      usdPer100kTokens: "1.00",
      hostSharePercent: "95",
      hostSubscriptionUsd: "5.00",
    },
  });
  const said = (await peerllm([...words, "--hours", "1"], { home: await temporaryFolder() })).stdout;
  expect(said).toContain("An estimate, not a promise");
  expect(said).toContain(
    "500,000 tokens pay one month's subscription of $5.00 only nearly: the host's share is $4.75. 526,316 pay it.",
  );
  expect(said).toContain("Prices: what a network begins with; no network is known here.");
});

/** A network that shows its prices, until it is closed. */
async function pricedNetwork() {
  const shown = {
    networkId: "network_a",
    version: "1.0.0",
    protocolVersion: 1,
    enrolment: "open",
    billing: "paypal",
    usdPer100kTokens: "0.80",
    hostSharePercent: "92.5",
    hostSubscriptionUsd: "6.00",
    graceDays: 3,
    priceVersion: 3,
  };
  const server = createServer((request, response) => {
    const isAsked = request.url === "/api/v1/network" && request.headers.authorization === undefined;
    response.writeHead(isAsked ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(isAsked ? shown : {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(close);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The network has no port.");
  return { networkUrl: `http://127.0.0.1:${address.port}`, close };
}

test("reckons with the price, share and subscription of the network it is on, and says whose they are", {
  timeout: slow,
}, async () => {
  const { networkUrl, close } = await pricedNetwork();
  const home = await temporaryFolder();
  const account = { networkUrl, accountId: "account_a", apiKey: "a-key", name: null };
  await keepAccount(homeAt(home), async () => account, new AbortController().signal);
  const scenario = ["--tokens-per-second", "10", "--conversations", "1", "--hosts", "2"];
  const asAccount = (...flags: string[]) => peerllm([...words, ...scenario, ...flags], { home });
  const ofNetwork = { gross: "414.72", hostShare: "383.616", costs: "12.00", net: "371.616" };
  const prices = { source: "network", networkUrl, version: 3, hostSubscriptionUsd: "6.00" };
  expect((await asAccount("--json")).json()).toMatchObject({ ...ofNetwork, assumed: { billing: "paypal" }, prices });
  expect((await asAccount("--billing", "credits", "--json")).json()).toMatchObject({ costs: "0.00", prices });
  const named = await peerllm([...words, ...scenario, "--network", networkUrl], { home: await temporaryFolder() });
  expect(named.stdout).toMatch(/^hosts' 92\.5% +\$383\.616$/m);
  expect(named.stdout).toContain(`Prices: of ${networkUrl}, version 3: $0.80 per 100,000 tokens.`);
  expect(named.stdout).toContain("800,000 tokens pay one month's subscription of $6.00 only nearly");

  await close();
  expect((await asAccount("--json")).json()).toMatchObject({
    gross: "518.40",
    prices: { source: "built-in", networkUrl: null },
  });
  expect((await asAccount()).stdout).toContain(
    `Prices: what a network begins with; ${networkUrl} did not tell its own.`,
  );
});
