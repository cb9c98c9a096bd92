import { Command } from "commander";
import * as z from "zod";
import { callDaemon } from "../src/client/control.ts";
import { isPeerError, PeerError } from "../src/errors.ts";
import { hostMethods, type hostStatusSchema } from "../src/protocol/control-methods.ts";
import { hostReadySchema, hostStartSchema, requireUpstream } from "../src/protocol/start.ts";
import { ensureAccess } from "./access.ts";
import { downCommand, logsCommand, runRole } from "./daemon-commands.ts";
import { doctor } from "./doctor.ts";
import { hostModelsCommand } from "./host-models.ts";
import { addHostOptions, type HostOptions, hostOptions } from "./host-options.ts";
import { hostService } from "./host-service.ts";
import {
  hostSubscribeCommand,
  hostSubscriptionCommand,
  hostUnsubscribeCommand,
  noteUnpaid,
} from "./host-subscription.ts";
import { absoluteIfFile } from "./option-flags.ts";
import { formatDuration } from "./printer.ts";
import { serviceCommand } from "./service-commands.ts";
import { action, type Session } from "./session.ts";
import { watch } from "./watch.ts";

const none = z.object({});

/** `peerllm host …`: serve models on this machine. */
export function hostCommand(): Command {
  const host = new Command("host")
    .description("serve models on this machine, and earn")
    .addHelpText(
      "after",
      "\nExamples:\n  peerllm host up --model acme/tiny:1.2.0\n  peerllm host status\n  peerllm host down",
    );
  host.addCommand(upCommand());
  host.addCommand(downCommand("host", "stop serving, when what runs has finished"));
  host.addCommand(statusCommand());
  host.addCommand(logsCommand("host", "show the host's log"));
  host.addCommand(benchmarkCommand());
  host.addCommand(pauseCommand());
  host.addCommand(resumeCommand());
  host.addCommand(scheduleCommand());
  host.addCommand(
    new Command("doctor")
      .description("check whether this machine is fit to serve")
      .addHelpText("after", "\nExample:\n  peerllm host doctor")
      .action(action(none, doctor)),
  );
  host.addCommand(hostModelsCommand());
  host.addCommand(serviceCommand(hostService));
  host.addCommand(hostSubscribeCommand());
  host.addCommand(hostSubscriptionCommand());
  host.addCommand(hostUnsubscribeCommand());
  return host;
}

function upCommand(): Command {
  const command = new Command("up")
    .description("benchmark this machine, join the network and serve")
    .option("--foreground", "stay in the foreground and log to standard error");
  return addHostOptions(command)
    .addHelpText(
      "after",
      "\nExamples:\n  peerllm host up\n  peerllm host up --model acme/tiny:1.2.0 --threads 4\n  peerllm host up --local --model ./model.gguf\n  peerllm host up --engine openai --upstream http://127.0.0.1:8080/v1 --model acme/tiny",
    )
    .action(action(hostOptions.extend({ foreground: z.boolean().default(false) }), up));
}

async function up(session: Session, options: HostOptions & { readonly foreground: boolean }): Promise<void> {
  requireUpstream({ ...options, isLocal: options.local, models: options.model });
  const access = options.local ? null : await ensureAccess(session);
  const start = hostStartSchema.parse({
    ...options,
    networkUrl: access?.networkUrl ?? null,
    apiKey: access?.apiKey ?? null,
    isLocal: options.local,
    allowedOrigins: options.allowOrigin,
    models: options.model.map(absoluteIfFile),
  });
  await runRole(session, "host", start, options.foreground, (document) => {
    const ready = hostReadySchema.parse(document);
    const where =
      access === null ? `at ${String(ready.baseUrl)}` : `on ${access.networkUrl} as ${String(ready.hostId)}`;
    const pause = ready.isPaused ? ' It is paused now; "peerllm host status" says until when.' : "";
    return `Serving ${ready.models.join(", ")} ${where}: ${describeSpeed(ready.benchmark)}.${pause}`;
  });
  if (access !== null && !options.foreground) await noteUnpaid(session);
}

function statusCommand(): Command {
  return new Command("status")
    .description("show what this host does")
    .option("--watch", "keep showing, one line per change; into a pipe one every 15 s at least")
    .addHelpText("after", "\nExamples:\n  peerllm host status\n  peerllm host status --watch")
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
      ["state", describeState(status)],
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

type Circumstances = Pick<HostStatus, "state" | "isEntitled" | "models" | "pausedBy" | "pausedUntil" | "schedule">;

/** The state, and why it is no better or how long it lasts. */
export function describeState(status: Circumstances): string {
  const { state, pausedBy, pausedUntil, schedule } = status;
  if (state === "degraded") return `degraded: ${whyDegraded(status)}`;
  if (state !== "paused" || pausedBy === "schedule") return schedule === null ? state : `${state}, serves ${schedule}`;
  if (pausedUntil === null) return 'paused, until "peerllm host resume"';
  return `paused until ${new Date(pausedUntil).toLocaleString("sv")}`;
}

function whyDegraded({ isEntitled, models }: Circumstances): string {
  if (!isEntitled) return 'not paid for, so given no work; see "peerllm host subscribe"';
  if (models.length === 0) return 'it serves no model; give it one with "peerllm host models pull"';
  return 'an engine crashed and is starting again; see "peerllm host logs"';
}

function describeSpeed(benchmark: HostStatus["benchmark"]): string {
  if (benchmark === null) return "not measured";
  const { prefillTokensPerSecond, decodeTokensPerSecond, decodeTokensPerSecondAtAllSequences } = benchmark;
  const [read, one, all] = [prefillTokensPerSecond, decodeTokensPerSecond, decodeTokensPerSecondAtAllSequences];
  return `${read.toFixed(0)} tokens/s in, ${one.toFixed(0)} out, ${all.toFixed(0)} of all answers together`;
}

function benchmarkCommand(): Command {
  return new Command("benchmark")
    .description("measure the running host again")
    .option("--model <ref>", "of its models, the one to measure")
    .addHelpText("after", "\nExample:\n  peerllm host benchmark")
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
    .addHelpText(
      "after",
      "\nA pause outlives the host: one that is started again stays paused until the time is up or it is resumed.\n\nExample:\n  peerllm host pause --for 2h",
    )
    .action(
      action(z.object({ for: z.string().optional() }), async (session, options) => {
        const forMs = options.for === undefined ? null : parseDuration(options.for);
        showStatus(session, await callDaemon(session.home, "host", hostMethods.pause, { forMs }, session.signal));
      }),
    );
}

function resumeCommand(): Command {
  return new Command("resume")
    .description("take work again")
    .addHelpText("after", "\nExample:\n  peerllm host resume")
    .action(
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
        const now = when === undefined ? await readSchedule(session) : await setSchedule(session, when);
        session.printer.result(now, () => now.schedule ?? "always");
      }),
    );
}

interface Schedule {
  readonly schedule: string | null;
}

/** The running host's; where none runs, the one it will start with. */
async function readSchedule({ home, config, signal }: Session): Promise<Schedule> {
  const running = await ifRunning(callDaemon(home, "host", hostMethods["schedule-show"], {}, signal));
  return running ?? { schedule: String(config.get("host.schedule") ?? "") || null };
}

/** Set where a host runs, and kept for those that start later. */
async function setSchedule({ home, config, signal }: Session, when: string): Promise<Schedule> {
  const schedule = when === "always" ? null : when;
  await ifRunning(callDaemon(home, "host", hostMethods["schedule-set"], { schedule }, signal));
  if (schedule === null) await config.unset("host.schedule");
  else await config.set("host.schedule", schedule);
  return { schedule };
}

async function ifRunning<Result>(call: Promise<Result>): Promise<Result | null> {
  return call.catch((error: unknown) => {
    if (isPeerError(error, "daemon_unreachable")) return null;
    throw error;
  });
}

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const durationDaysMax = 3_650;

/** Milliseconds of "90s", "30m", "2h", "1d" or "1.5h", ten years at most. Throws `usage_invalid`. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(s|m|h|d)$/.exec(text);
  const unit = match?.[2];
  const durationMs =
    Number(match?.[1]) * (unit === "s" || unit === "m" || unit === "h" || unit === "d" ? unitMs[unit] : 0);
  if (durationMs > durationDaysMax * unitMs.d) {
    throw new PeerError("usage_invalid", `"${text.slice(0, 32)}" is too long: ${durationDaysMax}d at most.`);
  }
  if (durationMs > 0) return durationMs;
  throw new PeerError("usage_invalid", `Not a time: "${text.slice(0, 32)}". Write it like 30m, 2h or 1d.`);
}
