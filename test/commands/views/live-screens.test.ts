import OpenAI from "openai";
import { describe, expect, onTestFinished, test } from "vitest";
import { keepAccount } from "../../../src/client/account-file.ts";
import { ownedAccount } from "../../../src/ledger/account.ts";
import { homeAt } from "../../../src/paths.ts";
import { temporaryFolder } from "../../worlds/command.ts";
import { type DemoHost, type DemoNetwork, demoNetwork, demoReference } from "../../worlds/demo-network.ts";
import { networkHome } from "../../worlds/network-home.ts";
import { hasTmux, needsTmux, openTerminal } from "../../worlds/terminal.ts";

const slow = 300_000;

/** The one host that was paid so far. */
async function paidHost({ hosts, books }: DemoNetwork): Promise<DemoHost> {
  for (const host of hosts) {
    if ((await books.balanceOf(ownedAccount("host-payable", host.accountId))) > 0n) return host;
  }
  throw new Error("No host was paid.");
}

/** Asks, and reads the answer to its end; `onText` hears of each piece of it. */
async function ask({ url, apiKey }: DemoNetwork, content: string, onText: () => Promise<void>): Promise<void> {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
  const messages = [{ role: "user" as const, content }];
  const stream = await client.chat.completions.create({ model: demoReference, messages, temperature: 0, stream: true });
  for await (const chunk of stream) {
    if ((chunk.choices[0]?.delta.content ?? "") !== "") await onText();
  }
}

describe.runIf(hasTmux)(`the screens of a network at work${needsTmux}`, () => {
  test(
    "show a request, its latency and who was paid for it, and another's failover, to the operator and to a host's owner",
    async () => {
      const network = await demoNetwork({ hosts: 2, tokensPerSecondMax: 80 });
      onTestFinished(() => network.close());
      const size = { columns: 80, rows: 24 };
      const operator = await openTerminal(["network", "status", "--watch"], {
        home: await networkHome(network.control),
        ...size,
      });
      const before = await operator.until(/0 done/);
      expect(before).toContain("2 of 2 hosts serving");
      expect(before).toMatch(/first text - *\n.* failovers 0 *\n/);
      expect(before).toMatch(/\d\d:\d\d:\d\d host \S+ joined/);

      await ask(network, "What is PeerLLM?", async () => {});
      const done = await operator.until(/1 done/);
      expect(done).toMatch(/first text p50 [\d.]+ m?s, p95 [\d.]+ m?s *\n/);
      const { charged, hosts, producers, ours } = sharesToday(done);
      expect(Number(charged)).toBeGreaterThan(0);
      expect(Number(hosts) / Number(charged)).toBeCloseTo(0.95, 6);
      expect(Number(ours) / Number(charged)).toBeCloseTo(0.05, 6);
      expect(producers).toBe("0.00");

      const host = await paidHost(network);
      const home = await temporaryFolder();
      const account = { networkUrl: network.url, accountId: host.accountId, apiKey: host.apiKey, name: null };
      await keepAccount(homeAt(home), async () => account, new AbortController().signal);
      const owner = await openTerminal(["earnings", "--watch"], { home, ...size });
      const paid = await owner.until(new RegExp(`today +\\$${hosts} `));
      expect(paid).toMatch(new RegExp(`payable +\\$${hosts} `));
      expect(paid).toMatch(new RegExp(`${host.hostId.slice(5, 13)}… +\\d+ +${hosts} `));

      let isCut = false;
      await ask(network, "Tell me a story about a fox.", async () => {
        const busy = network.activeHost();
        if (isCut || busy === undefined) return;
        isCut = true;
        await busy.close();
      });
      const after = await operator.until(/failovers 1 *\n/);
      expect(after).toContain("1 of 1 hosts serving");
      expect(after).toMatch(/host \S+ failed a subtask: over to another/);
      expect(after).toMatch(/host \S+ left/);
      await owner.until((screen) => !screen.includes(`$${hosts} `));
      await owner.press("q");
      await owner.until(/Ended with 0/);
    },
    slow,
  );
});

function sharesToday(screen: string) {
  const amounts = /today +\$([\d.]+) +\$([\d.]+) +\$([\d.]+) +\$([\d.]+)/.exec(screen);
  const [, charged, hosts, producers, ours] = amounts ?? [];
  return { charged, hosts, producers, ours };
}
