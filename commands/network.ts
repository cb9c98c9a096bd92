import { resolve } from "node:path";
import { Command } from "commander";
import * as z from "zod";
import { callDaemon } from "../src/client/control.ts";
import { PeerError } from "../src/errors.ts";
import { type HostRow, type NetworkStatus, networkMethods } from "../src/protocol/control-methods.ts";
import { allowedOrigins, defaultPorts, networkReadySchema, networkStartSchema } from "../src/protocol/start.ts";
import { portNumber, positiveNumber, wholeNumber } from "../src/typed-number.ts";
import { downCommand, logsCommand, runRole } from "./daemon-commands.ts";
import { accountsCommand, vouchCommand } from "./network-accounts.ts";
import { auditCommand, reconcileCommand } from "./network-audit.ts";
import { codeCommand, creditCommand, reverseCommand } from "./network-credit.ts";
import { priceCommand } from "./network-price.ts";
import { absoluteIfFile, optionFlags } from "./option-flags.ts";
import { formatDuration } from "./printer.ts";
import { type ServiceRole, serviceCommand } from "./service-commands.ts";
import { action, type Session } from "./session.ts";
import { readTextFile } from "./text-file.ts";
import { describeEvent } from "./views/words.ts";
import { hasScreen, watch } from "./watch.ts";

const none = z.object({});

/** `peerllm network …`: for the operator of an orchestrator, on its own machine. */
export function networkCommand(): Command {
  const network = new Command("network")
    .description("run a network: its orchestrator, prices and accounts")
    .addHelpText(
      "after",
      "\nExamples:\n  peerllm network up\n  peerllm network credit account_abc… 20\n  peerllm network status --watch",
    );
  network.addCommand(upCommand());
  network.addCommand(downCommand("network", "stop the orchestrator, when what runs has finished"));
  network.addCommand(statusCommand());
  network.addCommand(logsCommand("network", "show the orchestrator's log"));
  network.addCommand(inviteCommand());
  network.addCommand(accountsCommand());
  network.addCommand(vouchCommand());
  network.addCommand(creditCommand());
  network.addCommand(reverseCommand());
  network.addCommand(auditCommand());
  network.addCommand(reconcileCommand());
  network.addCommand(codeCommand());
  network.addCommand(priceCommand());
  network.addCommand(hostsCommand());
  network.addCommand(modelsCommand());
  network.addCommand(policyCommand());
  network.addCommand(serviceCommand(networkService));
  return network;
}

function upCommand(): Command {
  return addNetworkOptions(new Command("up").description("start an orchestrator"))
    .option("--foreground", "stay in the foreground and log to standard error")
    .addHelpText(
      "after",
      "\nExamples:\n  peerllm network up\n  peerllm network up --private --billing off\n  peerllm network up --listen 0.0.0.0 --tls-cert chain.pem --tls-key key.pem",
    )
    .action(action(networkOptions.extend({ foreground: z.boolean().default(false) }), up));
}

function addNetworkOptions(command: Command): Command {
  return command
    .option("--port <n>", `port to listen on; 0 picks a free one (default ${defaultPorts.network})`)
    .option("--listen <address>", "address to listen on (default 127.0.0.1)")
    .option("--private", "accounts need an invite (default: as before; a new network is open)")
    .option("--no-private", "accounts need none any more")
    .option("--billing <mode>", "off, credits or paypal (default: as before; credits for a new network)")
    .option("--tls-cert <file>", "certificate chain, PEM")
    .option("--tls-key <file>", "its private key, PEM")
    .option("--allow-clear", "listen beyond this machine without TLS")
    .option("--host-name <names>", "names it is called by, where a reverse proxy brings TLS; separated by commas")
    .option("--allow-origin <origin...>", "web pages that may call it, like https://app.example (default: none)")
    .option("--guard-model <ref>", "a GGUF guard model, for what the classifier is unsure of")
    .option("--hub-url <url>", "where hf: models are read from (default https://huggingface.co)");
}

const networkOptions = z.object({
  port: portNumber.default(defaultPorts.network),
  listen: z.string().default("127.0.0.1"),
  private: z.boolean().nullable().default(null),
  billing: z.enum(["off", "credits", "paypal"]).nullable().default(null),
  tlsCert: z.string().nullable().default(null),
  tlsKey: z.string().nullable().default(null),
  allowClear: z.boolean().default(false),
  hostName: z.string().default(""),
  allowOrigin: allowedOrigins,
  guardModel: z.string().nullable().default(null),
  hubUrl: z
    .url({ protocol: /^https?$/, error: "must be a URL" })
    .nullable()
    .default(null),
});
type NetworkOptions = z.output<typeof networkOptions>;

const networkService: ServiceRole<typeof networkOptions> = {
  role: "network",
  group: "network",
  title: "orchestrator",
  command: ["network", "up", "--foreground"],
  examples: ["", " --listen 0.0.0.0 --tls-cert chain.pem --tls-key key.pem"],
  addOptions: addNetworkOptions,
  options: networkOptions,
  async flags({ given, printer }, options) {
    if (options.billing === "paypal") {
      printer.note(
        "PayPal's credentials must be in the service's own environment: add them with \"systemctl --user edit\".",
      );
    }
    return optionFlags(given, ["tlsCert", "tlsKey", "guardModel"]);
  },
};

async function up(session: Session, options: NetworkOptions & { readonly foreground: boolean }): Promise<void> {
  const words = session.config.get("privacy.mask");
  const start = networkStartSchema.parse({
    port: options.port,
    listen: options.listen,
    isPrivate: options.private,
    billing: options.billing,
    tlsCertificate: options.tlsCert === null ? null : resolve(options.tlsCert),
    tlsKey: options.tlsKey === null ? null : resolve(options.tlsKey),
    allowsClear: options.allowClear,
    hostNames: options.hostName.split(",").flatMap((name) => name.trim() || []),
    allowedOrigins: options.allowOrigin,
    guardModel: options.guardModel === null ? null : absoluteIfFile(options.guardModel),
    maskedWords: Array.isArray(words) ? words : [],
    hubUrl: options.hubUrl,
  });
  await runRole(session, "network", start, options.foreground, (ready) => {
    const { url, networkId } = networkReadySchema.parse(ready);
    session.printer.note(`Next: peerllm account create --network ${url}`);
    return `The network is up at ${url} (${networkId}).`;
  });
}

function statusCommand(): Command {
  return new Command("status")
    .description("show hosts, requests and tokens")
    .option(
      "--watch",
      "keep showing, live; without a terminal one line per change, into a pipe one every 15 s at least",
    )
    .addHelpText("after", "\nExamples:\n  peerllm network status\n  peerllm network status --json")
    .action(action(z.object({ watch: z.boolean().default(false) }), status));
}

async function status(session: Session, options: { watch: boolean }): Promise<void> {
  const { printer } = session;
  const read = () => callDaemon(session.home, "network", networkMethods.status, {}, session.signal);
  if (options.watch && hasScreen(session)) {
    const { showNetwork } = await import("./views/NetworkView.tsx");
    return showNetwork(read, session.signal);
  }
  if (options.watch) {
    return watch(session, read, describeChange, describeNews);
  }
  const now = await read();
  printer.result(now, () =>
    [
      printer.facts([
        ["network", now.networkId],
        ["url", now.url],
        ["process", `${now.pid}, up ${formatDuration(Date.now() - now.startedAt)}`],
        ["enrolment", now.isPrivate ? "by invite" : "open"],
        ["billing", now.billing],
        ["accounts", String(now.accounts)],
        ["requests", describeRequests(now.requests)],
        ["tokens", `${now.tokens.prompt} in, ${now.tokens.completion} out`],
        ["failovers", String(now.failovers)],
        ["settled today", `$${now.settled.today.chargedUsd}, $${now.settled.today.hostsUsd} of it to hosts`],
      ]),
      "",
      hostTable(session, now.hosts),
    ].join("\n"),
  );
}

function describeChange({ hosts, requests, tokens, failovers, settled }: NetworkStatus): string {
  return [
    `${hosts.filter((host) => host.state === "serving").length} hosts serving`,
    `${requests.active} active`,
    `${requests.queued} queued`,
    `${requests.completed} completed`,
    `${requests.failed} failed`,
    `${tokens.prompt + tokens.completion} tokens`,
    `${failovers} failovers`,
    `$${settled.today.chargedUsd} settled today`,
  ].join(", ");
}

/** What happened since `before`; the last that did, where nothing was seen before. */
function describeNews({ events }: NetworkStatus, before: NetworkStatus | undefined): readonly string[] {
  const known = before === undefined ? events.slice(0, -1) : before.events;
  const words = (event: NetworkStatus["events"][number]) => JSON.stringify(event);
  const seen = events.map(words).lastIndexOf(known.map(words).at(-1) ?? "");
  return events.slice(seen + 1).map(describeEvent);
}

function describeRequests(requests: {
  active: number;
  queued: number;
  completed: number;
  failed: number;
  refused: number;
}): string {
  const { active, queued, completed, failed, refused } = requests;
  return `${active} active, ${queued} queued, ${completed} completed, ${failed} failed, ${refused} refused`;
}

function hostTable(session: Session, hosts: readonly HostRow[]): string {
  if (hosts.length === 0) return 'No host is connected. Start one with "peerllm host up".';
  return session.printer.table(
    ["HOST", "OWNER", "STATE", "BUSY", "TOK/S", "MODELS"],
    hosts.map((host) => [
      host.hostId,
      host.owner,
      host.state,
      `${host.activeStreams}/${host.sequences}`,
      host.decodeTokensPerSecond?.toFixed(0) ?? "-",
      host.models.join(" "),
    ]),
  );
}

function inviteCommand(): Command {
  return new Command("invite")
    .description("make an invite, with which an account can be created")
    .option("--uses <n>", "accounts it is good for (default 1)")
    .option("--hours <n>", "hours it is good for (default 168)")
    .addHelpText("after", "\nExample:\n  peerllm network invite --uses 3")
    .action(
      action(
        z.object({
          uses: wholeNumber(1, 1_000).default(1),
          hours: positiveNumber(8_760).default(168),
        }),
        async (session, options) => {
          const made = await callDaemon(session.home, "network", networkMethods.invite, options, session.signal);
          session.printer.result(made, () => made.invite);
        },
      ),
    );
}

function hostsCommand(): Command {
  return new Command("hosts")
    .description("list the hosts")
    .addHelpText("after", "\nExample:\n  peerllm network hosts")
    .action(
      action(none, async (session) => {
        const now = await callDaemon(session.home, "network", networkMethods.hosts, {}, session.signal);
        session.printer.result(now, () => hostTable(session, now.hosts));
      }),
    );
}

function modelsCommand(): Command {
  return new Command("models")
    .description("list the models published and served")
    .addHelpText("after", "\nExample:\n  peerllm network models")
    .action(
      action(none, async (session) => {
        const now = await callDaemon(session.home, "network", networkMethods.models, {}, session.signal);
        session.printer.result(now, () =>
          session.printer.table(
            ["MODEL", "HOSTS", "DIGEST"],
            now.models.map((model) => [model.model, String(model.hosts), model.digest ?? "-"]),
          ),
        );
      }),
    );
}

function policyCommand(): Command {
  const policy = new Command("policy")
    .description("show or replace the usage policy")
    .addHelpText(
      "after",
      "\nExamples:\n  peerllm network policy show > policy.json\n  peerllm network policy set policy.json",
    );
  policy.addCommand(
    new Command("show")
      .description("show it")
      .addHelpText("after", "\nExample:\n  peerllm network policy show > policy.json")
      .action(
        action(none, async (session) => {
          const now = await callDaemon(session.home, "network", networkMethods["policy-show"], {}, session.signal);
          session.printer.result(now, () => JSON.stringify(now.policy, null, 2));
        }),
      ),
  );
  policy.addCommand(
    new Command("set")
      .description("replace it")
      .argument("<file>", "JSON, as `policy show` prints it")
      .addHelpText("after", "\nExample:\n  peerllm network policy set policy.json")
      .action(
        action(none, async (session, _, [file = ""]) => {
          const params = { policy: await readJson(file) };
          const now = await callDaemon(session.home, "network", networkMethods["policy-set"], params, session.signal);
          session.printer.result(now, () => "The policy was replaced.");
        }),
      ),
  );
  return policy;
}

async function readJson(file: string): Promise<unknown> {
  const text = await readTextFile(file);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PeerError("usage_invalid", `"${file}" is not JSON.`, { cause });
  }
}
