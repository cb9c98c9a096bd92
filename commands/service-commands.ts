import { resolve } from "node:path";
import { Command } from "commander";
import * as z from "zod";
import { isAlive } from "../src/client/process-identity.ts";
import { readLockRecord } from "../src/client/run-record.ts";
import { PeerError } from "../src/errors.ts";
import { homeAt, packageFile } from "../src/paths.ts";
import type { RoleName } from "../src/protocol/control.ts";
import { ensureAccess } from "./access.ts";
import { launchd } from "./launchd.ts";
import { type ServiceManager, type ServiceState, serviceName } from "./service.ts";
import { action, type Session } from "./session.ts";
import { systemd } from "./systemd.ts";

const none = z.object({});

/** A daemon that can be a service of the platform's, and how commands speak of it. */
export interface ServiceRole<Options extends z.ZodType> {
  readonly role: RoleName;
  /** Its group of commands: "host", as in `peerllm host service`. */
  readonly group: string;
  /** What it is called: "host", "orchestrator". */
  readonly title: string;
  /** What runs it in the foreground, without its options: ["host", "up", "--foreground"]. */
  readonly command: readonly string[];
  readonly examples: readonly string[];
  addOptions(command: Command): Command;
  readonly options: Options;
  /** The options that were given, as flags of `command`. Throws where it could not start by itself with them. */
  flags(session: Session, options: z.output<Options>): Promise<readonly string[]>;
}

/** `peerllm … service`: keep this home's daemon of a role running, by systemd or launchd. */
export function serviceCommand<Options extends z.ZodType>(kept: ServiceRole<Options>): Command {
  const { group, title, command } = kept;
  const service = new Command("service")
    .description(`keep this ${title} running, also after a crash or a restart of the machine`)
    .addHelpText("after", `\nExamples:\n  peerllm ${group} service install\n  peerllm ${group} service status`);
  service.addCommand(
    kept
      .addOptions(
        new Command("install").description(
          `install and start it: peerllm ${command.filter((word) => !word.startsWith("-")).join(" ")} with these options`,
        ),
      )
      .addHelpText(
        "after",
        `\nExamples:\n${kept.examples.map((example) => `  peerllm ${group} service install${example}\n`).join("")}\nRun it again to change the options. Needs no root: on Linux a unit of the user's own\nsystemd, on macOS a launch agent.`,
      )
      .action(action(kept.options, (session, options) => install(session, kept, options))),
  );
  service.addCommand(
    new Command("uninstall")
      .description("stop it, when what runs has finished, and remove it")
      .addHelpText("after", `\nExample:\n  peerllm ${group} service uninstall`)
      .action(action(none, (session) => uninstall(session, kept))),
  );
  service.addCommand(
    new Command("status")
      .description("show whether it is installed and runs")
      .addHelpText("after", `\nExample:\n  peerllm ${group} service status`)
      .action(action(none, (session) => showState(session, kept))),
  );
  return service;
}

async function install<Options extends z.ZodType>(
  session: Session,
  kept: ServiceRole<Options>,
  options: z.output<Options>,
): Promise<void> {
  const { group, title } = kept;
  const manager = managerOf(session, kept, await kept.flags(session, options));
  const obstacle = await manager.obstacle();
  if (obstacle !== null) {
    throw new PeerError("daemon_unreachable", `The ${title} can't be made a service. ${obstacle.reason}`, {
      hint: obstacle.hint,
    });
  }
  await requireFree(session, kept, manager);
  const progress = session.printer.progress();
  progress.update({ step: "Installing the service" });
  await manager.install().finally(progress.end);
  const state = await manager.state();
  session.printer.result(state, () =>
    [
      `Installed ${state.unit}: it ${state.running ? "runs now" : "is starting"}, and starts again with this machine.`,
      ...(state.lingers === false ? [lingerHint] : []),
      `See how it does: "peerllm ${group} status", "peerllm ${group} logs --follow".`,
    ].join("\n"),
  );
}

async function uninstall(session: Session, kept: ServiceRole<z.ZodType>): Promise<void> {
  const { title } = kept;
  const manager = managerOf(session, kept, []);
  const progress = session.printer.progress();
  progress.update({ step: `Stopping the ${title}` });
  const removed = await manager.uninstall().finally(progress.end);
  session.printer.result({ removed, ...(await manager.state()) }, () =>
    removed ? `The ${title} is no longer a service: ${manager.file} is gone.` : `The ${title} was no service.`,
  );
}

async function showState(session: Session, kept: ServiceRole<z.ZodType>): Promise<void> {
  const manager = managerOf(session, kept, []);
  const state = await manager.state();
  const obstacle = await manager.obstacle();
  session.printer.result(state, () => describeState(session, kept, manager, state));
  if (obstacle !== null) session.printer.note(`${obstacle.reason} ${obstacle.hint}`);
}

const lingerHint = 'It stops when you log out. To keep it: "loginctl enable-linger".';

/** A daemon that somebody started by hand holds the home, so the service's would end at once. */
async function requireFree(
  { home }: Session,
  { role, group, title }: ServiceRole<z.ZodType>,
  manager: ServiceManager,
): Promise<void> {
  const holder = await readLockRecord(home, role);
  if (holder === null || !isAlive(holder) || (await manager.state()).running) return;
  const article = /^[aeiou]/.test(title) ? "An" : "A";
  throw new PeerError(
    "already_running",
    `${article} ${title} runs in "${home.root}" already, as process ${holder.pid}.`,
    { hint: `Stop it first: "peerllm ${group} down".` },
  );
}

/** A service has no environment of ours: its account must be in the home. */
export async function requireKeptAccount(session: Session): Promise<void> {
  const { account, networkUrl } = await ensureAccess(session);
  if (account !== null) return;
  throw new PeerError("authentication_failed", `The home keeps no account for ${networkUrl}, only PEERLLM_API_KEY.`, {
    hint: 'A service does not see that variable: run "peerllm account create" without it first.',
  });
}

function managerOf(
  session: Session,
  { group, title, command }: ServiceRole<z.ZodType>,
  flags: readonly string[],
): ServiceManager {
  const home = homeAt(resolve(session.home.root));
  const words = [process.execPath, packageFile("dist/peerllm.js"), ...command, "--home", home.root, ...flags];
  const service = { name: serviceName(home, group), title, home: home.root, command: words };
  if (process.platform === "linux") return systemd(service, session.signal);
  if (process.platform === "darwin") return launchd(service, session.signal);
  const line = service.command.map((word) => `"${word}"`).join(" ");
  throw new PeerError("usage_invalid", `Services are made on Linux and macOS, not on ${process.platform}.`, {
    hint: `Make a task of Task Scheduler, "at log on", of this: ${line}`,
  });
}

function describeState(
  { printer }: Session,
  { group, title }: ServiceRole<z.ZodType>,
  manager: ServiceManager,
  state: ServiceState,
): string {
  if (!state.installed) return `The ${title} is no service here. Make it one: "peerllm ${group} service install".`;
  return printer.facts([
    ["service", state.unit],
    ["file", manager.file],
    ["enabled", state.enabled ? "yes, it starts with the machine" : "no"],
    ["running", state.running ? "yes" : "no"],
    ...(state.lingers === false ? [["logged out", lingerHint] as const] : []),
  ]);
}
