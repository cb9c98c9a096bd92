import { expect, onTestFinished } from "vitest";
import * as z from "zod";
import { readAccounts } from "../../src/client/account-file.ts";
import { callDaemon } from "../../src/client/control.ts";
import { createGateway } from "../../src/client/gateway.ts";
import { homeAt, packageFile } from "../../src/paths.ts";
import { routes } from "../../src/protocol/api.ts";
import { networkMethods } from "../../src/protocol/control-methods.ts";
import { economyRoutes } from "../../src/protocol/economy-api.ts";
import { PayPalSimulator } from "../paypal-simulator/simulator.ts";
import { type CommandOptions, type Ending, peerllm, type Ran, temporaryFolder } from "./command.ts";

/** The one document of a command that was to succeed. */
export function documentOf<Schema extends z.ZodType>(ran: Ran, schema: Schema): z.output<Schema> {
  expect(ran, ran.stdout + ran.stderr).toMatchObject({ code: 0 });
  return schema.parse(ran.json());
}

/** A network of commands and processes that bills, with PayPal's simulator beside it; its books are audited at the end. */
export async function billingNetwork(billing: "credits" | "paypal" | "off", atEnd: Ending = onTestFinished) {
  const simulator = await PayPalSimulator.start();
  const home = await temporaryFolder(atEnd);
  atEnd(async () => {
    await peerllm(["network", "down", "--now"], { home });
    await simulator.close();
  });
  const env = {
    PAYPAL_CLIENT_ID: simulator.clientId,
    PAYPAL_CLIENT_SECRET: simulator.clientSecret,
    PAYPAL_BASE_URL: simulator.url,
  };
  const operate = (...words: string[]) => peerllm([...words, "--json"], { home });
  const up = async (port: string, clock: NodeJS.ProcessEnv = {}) => {
    const words = ["network", "up", "--port", port, "--billing", billing, "--json"];
    const ran = await peerllm(words, { home, env: { ...env, ...clock } });
    return documentOf(ran, z.object({ url: z.string() })).url;
  };
  const url = await up("0");
  return {
    simulator,
    home,
    url,
    operate,
    join: (name: string) => join(url, name, atEnd),
    member: () => member(url, home),
    /** Stops the network, and starts it so many days later than it is: what is due by then is done at once. */
    async restart(days = 0) {
      expect(await operate("network", "down", "--now")).toMatchObject({ code: 0 });
      await up(new URL(url).port, laterBy(days));
    },
    /** Whether an audit finds the books equal to PayPal's, without a process for each time it is asked. */
    async isEqual(): Promise<boolean> {
      const { signal } = new AbortController();
      const { paypal } = await callDaemon(homeAt(home), "network", networkMethods.audit, {}, signal);
      return paypal?.isEqual === true;
    },
    /** Fails unless the books balance, and PayPal's figures are ours. */
    async audit() {
      const report = documentOf(await operate("network", "audit"), auditShape);
      const paypal = billing === "paypal" ? { comparison: "equal", isEqual: true } : null;
      expect(report).toMatchObject({ balanced: true, problems: [], paypal });
      expect(simulator.violations).toEqual([]);
      return report;
    },
  };
}

export type BillingNetwork = Awaited<ReturnType<typeof billingNetwork>>;

const auditShape = z.looseObject({ balanced: z.boolean(), problems: z.array(z.string()), totals: z.looseObject({}) });

/** The environment of a process that is to live so many days later than it is. */
function laterBy(days: number): NodeJS.ProcessEnv {
  if (days === 0) return {};
  const source = `const now = Date.now; Date.now = () => now() + ${days * 86_400_000};`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(source)}` };
}

/** An account that keeps nothing in a home: its commands take the key from the environment. */
async function member(url: string, home: string) {
  const { signal } = new AbortController();
  const created = await createGateway({ url, apiKey: null }).call(routes["account-create"], {}, signal);
  const { accountId, apiKey } = created;
  const env = { PEERLLM_NETWORK: url, PEERLLM_API_KEY: apiKey };
  return {
    accountId,
    run: (words: readonly string[], options: CommandOptions = {}) =>
      peerllm([...words, "--json"], { ...options, home, env }),
    /** What a command would ask, without a process for each time it is asked. */
    async available(): Promise<string> {
      return (await createGateway({ url, apiKey }).call(routes["billing-balance"], {}, signal)).available;
    },
    async subscriptions() {
      const { call } = createGateway({ url, apiKey });
      return (await call(economyRoutes["subscriptions-list"], {}, signal)).subscriptions;
    },
    download: (digest: string) => download(url, apiKey, digest),
  };
}

export type Member = Awaited<ReturnType<typeof member>>;

/** The status of a download of the first byte of a model's weights. */
async function download(url: string, apiKey: string, digest: string): Promise<number> {
  const headers = { authorization: `Bearer ${apiKey}`, range: "bytes=0-0" };
  const answer = await fetch(`${url}/api/v1/registry/blobs/${digest}`, { headers });
  await answer.arrayBuffer();
  return answer.status;
}

/** A home with an account of the network, and the commands it runs there. */
async function join(url: string, name: string, atEnd: Ending) {
  const home = await temporaryFolder(atEnd);
  const ran = await peerllm(["account", "create", "--network", url, "--name", name, "--json"], { home });
  const { accountId } = documentOf(ran, z.object({ accountId: z.string() }));
  const [account] = await readAccounts(homeAt(home));
  const apiKey = account?.apiKey ?? "";
  const run = (...words: string[]) => peerllm([...words, "--json"], { home });
  return {
    home,
    accountId,
    apiKey,
    run,
    /** How many hosts serve the network's first model now. */
    async hostsServing(): Promise<number> {
      const answer = await fetch(`${url}/api/v1/models`, { headers: { authorization: `Bearer ${apiKey}` } });
      return z.looseObject({ models: z.tuple([z.looseObject({ hosts: z.int() })]) }).parse(await answer.json())
        .models[0].hosts;
    },
    download: (digest: string) => download(url, apiKey, digest),
    /** Publishes the demo model as `peerllm/demo:1.0.0`; resolves to its file's digest. */
    async publish(...prices: string[]): Promise<string> {
      const file = packageFile("src/models/demo/demo.gguf");
      const words = ["producer", "publish", file, "--name", "peerllm/demo", "--version", "1.0.0", ...prices];
      return documentOf(await run(...words), z.object({ digest: z.string() })).digest;
    },
    /** Starts a host of the model on the engine; it is stopped at the end. */
    async host(): Promise<string> {
      atEnd(async () => void (await peerllm(["host", "down", "--now"], { home })));
      return documentOf(await run("host", "up", "--gpu", "off"), z.object({ hostId: z.string() })).hostId;
    },
  };
}
