import { describe, expect, onTestFinished, test } from "vitest";
import { storeAccount } from "../../../src/client/account-file.ts";
import { homeAt } from "../../../src/paths.ts";
import { temporaryFolder } from "../../worlds/command.ts";
import { type DemoNetwork, demoNetwork, demoReference } from "../../worlds/demo-network.ts";
import { networkHome } from "../../worlds/network-home.ts";
import { hasTmux, needsTmux, openTerminal } from "../../worlds/terminal.ts";

const slow = 300_000;

async function ask({ url, apiKey }: DemoNetwork): Promise<void> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({
      model: demoReference,
      messages: [{ role: "user", content: "What is PeerLLM?" }],
      max_tokens: 12,
    }),
  });
  expect(await response.text()).toContain("choices");
  expect(response.status).toBe(200);
}

describe.runIf(hasTmux)(`the screens of a network at work${needsTmux}`, () => {
  test(
    "show a request, its tokens and who was paid for it, to the operator and to the host's owner, and a host that leaves",
    async () => {
      const network = await demoNetwork({ hosts: 1 });
      onTestFinished(() => network.close());
      const [host] = network.hosts;
      if (host === undefined) throw new Error("The network has no host.");
      const size = { columns: 80, rows: 24 };
      const operator = await openTerminal(["network", "status", "--watch"], {
        home: await networkHome(network.control),
        ...size,
      });
      const ownersHome = await temporaryFolder();
      const { url: networkUrl, apiKey } = { url: network.url, apiKey: host.apiKey };
      await storeAccount(homeAt(ownersHome), { networkUrl, accountId: host.accountId, apiKey, name: null });
      const owner = await openTerminal(["earnings", "--watch"], { home: ownersHome, ...size });
      const shortHost = host.hostId.slice(5, 14);

      const before = await operator.until(/0 done/);
      expect(before).toContain("1 of 1 hosts serving");
      expect(before).toContain("first text -");
      expect(before).toMatch(new RegExp(`${shortHost}… serving  0/\\d`));
      expect(before).toMatch(new RegExp(`\\d\\d:\\d\\d:\\d\\d host ${shortHost}. joined`));
      expect(await owner.until(/nothing earned yet/)).toMatch(/today +\$0\.00 /);

      await ask(network);
      const done = await operator.until(/1 done/);
      expect(done).toMatch(/first text p50 \d+ ms, p95 \d+ ms/);
      const [, charged, hosts, producers, ours] =
        /today +\$([\d.]+) +\$([\d.]+) +\$([\d.]+) +\$([\d.]+)/.exec(done) ?? [];
      expect(Number(charged)).toBeGreaterThan(0);
      expect(Number(hosts) / Number(charged)).toBeCloseTo(0.95, 6);
      expect(Number(ours) / Number(charged)).toBeCloseTo(0.05, 6);
      expect(producers).toBe("0.00");

      const paid = await owner.until(new RegExp(`today +\\$${hosts} `));
      expect(paid).toMatch(new RegExp(`payable +\\$${hosts} `));
      expect(paid).toMatch(new RegExp(`${shortHost.slice(0, 8)}… +\\d+ +${hosts} `));

      await host.close();
      const left = await operator.until(/0 of 0 hosts serving/);
      expect(left).toMatch(new RegExp(`host ${shortHost}. left`));
      expect(left).toContain("no host · by load");
      await operator.press("q");
      await operator.until(/Ended with 0/);
    },
    slow,
  );
});
