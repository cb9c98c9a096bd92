import { expect, onTestFinished } from "vitest";
import { z } from "zod";
import { readAccounts } from "../../src/client/account-file.ts";
import { homeAt, packageFile } from "../../src/paths.ts";
import { PayPalSimulator } from "../paypal-simulator/simulator.ts";
import { peerllm, type Ran, temporaryFolder } from "./command.ts";

/** The one document of a command that was to succeed. */
export function documentOf<Schema extends z.ZodType>(ran: Ran, schema: Schema): z.output<Schema> {
  expect(ran, ran.stdout + ran.stderr).toMatchObject({ code: 0 });
  return schema.parse(ran.json());
}

/** A network of commands and processes that bills, with PayPal's simulator beside it; its books are audited at the end. */
export async function billingNetwork(billing: "credits" | "paypal" | "off") {
  const simulator = await PayPalSimulator.start();
  const home = await temporaryFolder();
  onTestFinished(async () => {
    await peerllm(["network", "down", "--now"], { home });
    await simulator.close();
  });
  const env = {
    PAYPAL_CLIENT_ID: simulator.clientId,
    PAYPAL_CLIENT_SECRET: simulator.clientSecret,
    PAYPAL_BASE_URL: simulator.url,
  };
  const ran = await peerllm(["network", "up", "--port", "0", "--billing", billing, "--json"], { home, env });
  const { url } = documentOf(ran, z.object({ url: z.string() }));
  const operate = (...words: string[]) => peerllm([...words, "--json"], { home });
  return {
    simulator,
    home,
    url,
    operate,
    join: (name: string) => join(url, name),
    /** Fails unless the books balance, and PayPal's figures are ours. */
    async audit() {
      const report = documentOf(await operate("network", "audit"), auditShape);
      expect(report).toMatchObject({ balanced: true, problems: [] });
      expect(simulator.violations).toEqual([]);
      return report;
    },
  };
}

const auditShape = z.looseObject({ balanced: z.boolean(), problems: z.array(z.string()), totals: z.looseObject({}) });

/** A home with an account of the network, and the commands it runs there. */
async function join(url: string, name: string) {
  const home = await temporaryFolder();
  const ran = await peerllm(["account", "create", "--network", url, "--name", name, "--json"], { home });
  const { accountId } = documentOf(ran, z.object({ accountId: z.string() }));
  const [account] = await readAccounts(homeAt(home));
  const run = (...words: string[]) => peerllm([...words, "--json"], { home });
  const headers = { authorization: `Bearer ${account?.apiKey}` };
  return {
    home,
    accountId,
    apiKey: account?.apiKey ?? "",
    run,
    /** How many hosts serve the network's first model now. */
    async hostsServing(): Promise<number> {
      const answer = await fetch(`${url}/api/v1/models`, { headers });
      return z.looseObject({ models: z.tuple([z.looseObject({ hosts: z.int() })]) }).parse(await answer.json())
        .models[0].hosts;
    },
    /** The status of a download of the first byte of a model's weights. */
    async download(digest: string): Promise<number> {
      const range = { ...headers, range: "bytes=0-0" };
      const answer = await fetch(`${url}/api/v1/registry/blobs/${digest}`, { headers: range });
      await answer.arrayBuffer();
      return answer.status;
    },
    /** Publishes the demo model as `peerllm/demo:1.0.0`; resolves to its file's digest. */
    async publish(...prices: string[]): Promise<string> {
      const file = packageFile("src/models/demo/demo.gguf");
      const words = ["producer", "publish", file, "--name", "peerllm/demo", "--version", "1.0.0", ...prices];
      return documentOf(await run(...words), z.object({ digest: z.string() })).digest;
    },
    /** Starts a host of the model on the engine; it is stopped with the test. */
    async host(): Promise<string> {
      onTestFinished(async () => void (await peerllm(["host", "down", "--now"], { home })));
      return documentOf(await run("host", "up", "--gpu", "off"), z.object({ hostId: z.string() })).hostId;
    },
  };
}
