import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Command } from "commander";
import { z } from "zod";
import { callDaemon } from "../src/client/control.ts";
import { PeerError } from "../src/errors.ts";
import { hostMethods, type hostStatusSchema } from "../src/protocol/control-methods.ts";
import { defaultPorts, hostReadySchema, hostStartSchema } from "../src/protocol/start.ts";
import { ensureAccess } from "./access.ts";
import { downCommand, logsCommand, runRole } from "./daemon-commands.ts";
import { doctor } from "./doctor.ts";
import { hostModelsCommand } from "./host-models.ts";
import { hostSubscribeCommand, hostUnsubscribeCommand } from "./host-subscription.ts";
import { formatDuration } from "./printer.ts";
import { action, type Session } from "./session.ts";
import { watch } from "./watch.ts";

const none = z.object({});

/** `peerllm host …`: serve models on this machine. */
export function hostCommand(): Command {
  const host = new Command("host").description("serve models on this machine, and earn");
  host.addCommand(upCommand());
  host.addCommand(downCommand("host", "stop serving, when what runs has finished"));
  host.addCommand(statusCommand());
  host.addCommand(logsCommand("host", "show the host's log"));
  host.addCommand(benchmarkCommand());
  host.addCommand(pauseCommand());
  host.addCommand(resumeCommand());
  host.addCommand(scheduleCommand());
  host.addCommand(
    new Command("doctor").description("check whether this machine is fit to serve").action(action(none, doctor)),
  );
  host.addCommand(hostModelsCommand());
  host.addCommand(hostSubscribeCommand());
  host.addCommand(hostUnsubscribeCommand());
  return host;
}

function upCommand(): Command {
  return new Command("up")
    .description("benchmark this machine, join the network and serve")
    .option("--model <ref...>", "models or GGUF files to serve (default: the demo model)")
    .option("--local", "serve this machine alone: no network, no account")
    .option("--port <n>", `port of the local endpoint (default ${defaultPorts.local})`)
    .option("--engine <engine>", "llama, or openai for a server that runs already (default llama)")
    .option("--upstream <url>", "that server's address, with --engine openai")
    .option("--threads <n>", "processor threads to use (default: as many as there are cores)")
    .option("--gpu <backend>", "auto, off, or a backend (default auto)")
    .option("--sequences <n>", "answers to make at once")
    .option("--context <n>", "tokens of context for each")
    .option("--tokens-per-second-max <n>", "the most to give")
    .option("--foreground", "stay in the foreground and log to standard error")
    .addHelpText(
      "after",
      "\nExamples:\n  peerllm host up\n  peerllm host up --model acme/tiny:1.2.0 --threads 4\n  peerllm host up --local --model ./model.gguf\n  peerllm host up --engine openai --upstream http://127.0.0.1:8080/v1 --model acme/tiny",
    )
    .action(action(upOptions, up));
}

const number = () => z.coerce.number({ error: "must be a number" });

const upOptions = z.object({
  model: z.array(z.string().min(1)).max(64).default([]),
  local: z.boolean().default(false),
  port: number().int().min(0).max(65_535).default(defaultPorts.local),
  engine: z.enum(["llama", "openai"]).default("llama"),
  upstream: z
    .url({ protocol: /^https?$/, error: "must be a URL" })
    .nullable()
    .default(null),
  threads: number().int().min(1).max(256).nullable().default(null),
  gpu: z.enum(["auto", "off", "cuda", "metal", "vulkan"]).default("auto"),
  sequences: number().int().min(1).max(64).nullable().default(null),
  context: number().int().min(128).max(1_048_576).nullable().default(null),
  tokensPerSecondMax: number().positive().nullable().default(null),
  foreground: z.boolean().default(false),
});

async function up(session: Session, options: z.output<typeof upOptions>): Promise<void> {
  if (options.engine === "openai" && options.upstream === null) {
    throw new PeerError("usage_invalid", "--engine openai needs --upstream, the address of the server to pass on to.");
  }
  const access = options.local ? null : await ensureAccess(session);
  const start = hostStartSchema.parse({
    ...options,
    networkUrl: access?.networkUrl ?? null,
    apiKey: access?.apiKey ?? null,
    isLocal: options.local,
    models: options.model.map(absoluteIfFile),
  });
  await runRole(session, "host", start, options.foreground, (document) => {
    const ready = hostReadySchema.parse(document);
    const { prefillTokensPerSecond, decodeTokensPerSecond } = ready.benchmark;
    const speed = `${prefillTokensPerSecond.toFixed(0)} tokens/s in, ${decodeTokensPerSecond.toFixed(0)} tokens/s out`;
    const where =
      access === null ? `at ${String(ready.baseUrl)}` : `on ${access.networkUrl} as ${String(ready.hostId)}`;
    return `Serving ${ready.models.join(", ")} ${where}: ${speed}.`;
  });
}

/** The daemon runs elsewhere, so what names a file here must name it there. */
function absoluteIfFile(reference: string): string {
  return !/^(hf|https?):/.test(reference) && existsSync(reference) ? resolve(reference) : reference;
}

function statusCommand(): Command {
  return new Command("status")
    .description("show what this host does")
    .option("--watch", "keep showing, one line per change")
    .action(
      action(z.object({ watch: z.boolean().default(false) }), async (session, options) => {
        const read = () => callDaemon(session.home, "host", hostMethods.status, {}, session.signal);
        if (!options.watch) return showStatus(session, await read());
        await watch(session, read, ({ state, activeStreams, served }) =>
          [state, `${activeStreams} active`, `${served.subtasks} served`, `${served.completionTokens} tokens out`].join(
            ", ",
          ),
        );
      }),
    );
}

type HostStatus = z.output<typeof hostStatusSchema>;

function showStatus({ printer }: Session, status: HostStatus): void {
  printer.result(status, () =>
    printer.facts([
      ["state", status.pausedUntil === null ? status.state : `${status.state} until ${isoTime(status.pausedUntil)}`],
      ["process", `${status.pid}, up ${formatDuration(Date.now() - status.startedAt)}`],
      ["host", status.hostId ?? "local"],
      ["network", status.networkUrl ?? "none"],
      ...(status.baseUrl === null ? [] : [["endpoint", status.baseUrl] as const]),
      ["models", status.models.join(", ")],
      ["busy", `${status.activeStreams} of ${status.sequences}`],
      [
        "served",
        `${status.served.subtasks} subtasks, ${status.served.promptTokens} tokens in, ${status.served.completionTokens} out`,
      ],
      ["speed", describeSpeed(status.benchmark)],
    ]),
  );
}

function describeSpeed(benchmark: HostStatus["benchmark"]): string {
  if (benchmark === null) return "not measured";
  return `${benchmark.prefillTokensPerSecond.toFixed(0)} tokens/s in, ${benchmark.decodeTokensPerSecond.toFixed(0)} tokens/s out`;
}

function isoTime(at: number): string {
  return new Date(at).toISOString();
}

function benchmarkCommand(): Command {
  return new Command("benchmark")
    .description("measure the running host again")
    .option("--model <ref>", "of its models, the one to measure")
    .action(
      action(z.object({ model: z.string().optional() }), async (session, options) => {
        const progress = session.printer.progress();
        progress.update({ step: "Measuring" });
        const params = options.model === undefined ? {} : { model: options.model };
        const measured = await callDaemon(session.home, "host", hostMethods.benchmark, params, session.signal).finally(
          progress.end,
        );
        session.printer.result(measured, () => describeSpeed(measured));
      }),
    );
}

function pauseCommand(): Command {
  return new Command("pause")
    .description("take no new work; what runs is finished")
    .option("--for <time>", "for so long: 30m, 2h, 1d (default: until resumed)")
    .addHelpText("after", "\nExample:\n  peerllm host pause --for 2h")
    .action(
      action(z.object({ for: z.string().optional() }), async (session, options) => {
        const forMs = options.for === undefined ? null : parseDuration(options.for);
        showStatus(session, await callDaemon(session.home, "host", hostMethods.pause, { forMs }, session.signal));
      }),
    );
}

function resumeCommand(): Command {
  return new Command("resume").description("take work again").action(
    action(none, async (session) => {
      showStatus(session, await callDaemon(session.home, "host", hostMethods.resume, {}, session.signal));
    }),
  );
}

function scheduleCommand(): Command {
  return new Command("schedule")
    .description("show or set when this host serves")
    .argument("[when]", 'times of day, such as "22:00-07:00,12:00-13:00", or "always"')
    .addHelpText("after", "\nExamples:\n  peerllm host schedule\n  peerllm host schedule 22:00-07:00")
    .action(
      action(none, async (session, _, [when]) => {
        const now =
          when === undefined
            ? await callDaemon(session.home, "host", hostMethods["schedule-show"], {}, session.signal)
            : await callDaemon(
                session.home,
                "host",
                hostMethods["schedule-set"],
                { schedule: when === "always" ? null : when },
                session.signal,
              );
        session.printer.result(now, () => now.schedule ?? "always");
      }),
    );
}

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds of "90s", "30m", "2h", "1d" or "1.5h". Throws `usage_invalid`. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(s|m|h|d)$/.exec(text);
  const unit = match?.[2];
  const durationMs =
    Number(match?.[1]) * (unit === "s" || unit === "m" || unit === "h" || unit === "d" ? unitMs[unit] : 0);
  if (durationMs > 0) return durationMs;
  throw new PeerError("usage_invalid", `Not a time: "${text.slice(0, 32)}". Write it like 30m, 2h or 1d.`);
}
