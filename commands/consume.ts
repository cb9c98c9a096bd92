import { Command } from "commander";
import * as z from "zod";
import { callDaemon } from "../src/client/control.ts";
import { proxyMethods } from "../src/protocol/control-methods.ts";
import { allowedOrigins, defaultPorts, proxyReadySchema, proxyStartSchema } from "../src/protocol/start.ts";
import { portNumber } from "../src/typed-number.ts";
import { ensureAccess } from "./access.ts";
import { downCommand, logsCommand, runRole } from "./daemon-commands.ts";
import { optionFlags } from "./option-flags.ts";
import { formatDuration } from "./printer.ts";
import { requireKeptAccount, type ServiceRole, serviceCommand } from "./service-commands.ts";
import { action, type Session } from "./session.ts";

/** `peerllm consume …`: a local OpenAI endpoint for any app. */
export function consumeCommand(): Command {
  const consume = addConsumeOptions(
    new Command("consume").description("open a local OpenAI endpoint that the network answers"),
  )
    .enablePositionalOptions()
    .option("--detach", "run in the background")
    .addHelpText("after", "\nExamples:\n  peerllm consume\n  peerllm consume --detach --privacy strict --json")
    .action(action(consumeOptions.extend({ detach: z.boolean().default(false) }), run));
  consume.addCommand(
    new Command("status")
      .description("show the endpoint")
      .addHelpText("after", "\nExample:\n  peerllm consume status")
      .action(action(z.object({}), status)),
  );
  consume.addCommand(downCommand("proxy", "close the endpoint, when what runs has finished"));
  consume.addCommand(logsCommand("proxy", "show the endpoint's log"));
  consume.addCommand(serviceCommand(consumeService));
  return consume;
}

function addConsumeOptions(command: Command): Command {
  return command
    .option("--port <n>", `port to listen on; 0 picks a free one (default ${defaultPorts.proxy})`)
    .option("--allow-origin <origin...>", "web pages that may call it, like https://app.example (default: none)")
    .option("--model <ref>", "model of requests that don't name one")
    .option("--privacy <level>", "standard or strict (default standard)")
    .option(
      "--fallback <what>",
      `none, or local: what "host up --local" at its port ${defaultPorts.local} answers when the network can't (default none)`,
    );
}

const consumeOptions = z.object({
  port: portNumber.default(defaultPorts.proxy),
  allowOrigin: allowedOrigins,
  model: z.string().min(1).nullable().default(null),
  privacy: z.enum(["standard", "strict"]).default("standard"),
  fallback: z.enum(["none", "local"]).default("none"),
});
type ConsumeOptions = z.output<typeof consumeOptions>;

const consumeService: ServiceRole<typeof consumeOptions> = {
  role: "proxy",
  group: "consume",
  title: "endpoint",
  command: ["consume"],
  examples: ["", " --privacy strict --fallback local"],
  addOptions: addConsumeOptions,
  options: consumeOptions,
  async flags(session) {
    await requireKeptAccount(session);
    const { given, networkUrl } = session;
    const own = optionFlags(given);
    return networkUrl === undefined ? own : ["--network", networkUrl, ...own];
  },
};

async function run(session: Session, options: ConsumeOptions & { readonly detach: boolean }): Promise<void> {
  const { networkUrl, apiKey } = await ensureAccess(session);
  const words = session.config.get("privacy.mask");
  const start = proxyStartSchema.parse({
    port: options.port,
    allowedOrigins: options.allowOrigin,
    networkUrl,
    apiKey,
    model: options.model,
    privacy: options.privacy,
    fallback: options.fallback,
    maskedWords: Array.isArray(words) ? words : [],
  });
  await runRole(session, "proxy", start, !options.detach, (document) => {
    const { baseUrl } = proxyReadySchema.parse(document);
    session.printer.note(options.detach ? 'Close it with "peerllm consume down".' : "Close it with Ctrl-C.");
    return `OpenAI endpoint: ${baseUrl} (any API key will do on this machine)`;
  });
}

async function status(session: Session): Promise<void> {
  const { printer } = session;
  const now = await callDaemon(session.home, "proxy", proxyMethods.status, {}, session.signal);
  printer.result(now, () =>
    printer.facts([
      ["endpoint", now.baseUrl],
      ["process", `${now.pid}, up ${formatDuration(Date.now() - now.startedAt)}`],
      ["network", now.networkUrl],
      ["model", now.model ?? "as asked"],
      ["privacy", now.privacy],
      ["fallback", now.fallback],
      ["requests", `${now.requests.active} active, ${now.requests.completed} completed, ${now.requests.failed} failed`],
    ]),
  );
}
