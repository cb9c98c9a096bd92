import { expect, test } from "vitest";
import { findAccess } from "../../commands/access.ts";
import { createPrinter } from "../../commands/printer.ts";
import { keepAccount } from "../../src/client/account-file.ts";
import { openConfig } from "../../src/config.ts";
import { homeAt } from "../../src/paths.ts";
import { temporaryFolder } from "../worlds/command.ts";

const { signal } = new AbortController();

test.each([
  ["http://127.0.0.1:7420", "http://127.1:7420/v1", true],
  ["http://LOCALHOST:7420/", "http://localhost:7420", true],
  ["https://peer.example", "https://Peer.Example:443/", true],
  ["https://peer.example/net", "https://peer.example/net/v1/", true],
  ["https://peer.example/net", "https://peer.example/other", false],
  ["http://peer.example", "https://peer.example", false],
])("the account of %s speaks on %s: %s", async (kept, named, isSame) => {
  const home = homeAt(await temporaryFolder());
  await keepAccount(
    home,
    async () => ({ networkUrl: kept, accountId: "account_a", apiKey: "sk-peer-a", name: null }),
    signal,
  );
  const printer = createPrinter(true);
  const said = { home, printer, signal, config: openConfig(home), given: {}, isJson: true, mayAsk: false };
  const { account } = await findAccess({ ...said, networkUrl: named });
  expect(account?.accountId).toBe(isSame ? "account_a" : undefined);
});
