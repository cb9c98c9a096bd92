import { resolve } from "node:path";
import { Command } from "commander";
import * as z from "zod";
import { isAlive } from "../src/client/process-identity.ts";
import { readLockRecord } from "../src/client/run-record.ts";
import { PeerError } from "../src/errors.ts";
import { homeAt, packageFile } from "../src/paths.ts";
import { ensureAccess } from "./access.ts";
import { addHostOptions, type HostOptions, hostFlags, hostOptions, requireUpstream } from "./host-options.ts";
import { launchd } from "./launchd.ts";
import { type ServiceManager, type ServiceState, serviceName } from "./service.ts";
import { action, type Session } from "./session.ts";
import { systemd } from "./systemd.ts";

const none = z.object({});

/** `peerllm host service …`: keep this home's host running, by systemd or launchd. */
export function hostServiceCommand(): Command {
  const service = new Command("service").description("keep this host running, also after a restart of the machine");
  service.addCommand(
    addHostOptions(new Command("install").description("install and start it: peerllm host up with these options"))
      .addHelpText(
        "after",
        "\nExamples:\n  peerllm host service install\n  peerllm host service install --threads 2 --schedule 22:00-07:00\n\nRun it again to change the options. Needs no root: on Linux a unit of the user's own\nsystemd, on macOS a launch agent.",
      )
      .action(action(hostOptions, install)),
  );
  service.addCommand(
    new Command("uninstall").description("stop it, when what runs has finished, and remove it").action(
      action(none, async (session) => {
        const manager = managerOf(session, []);
        const progress = session.printer.progress();
        progress.update({ step: "Stopping the host" });
        const removed = await manager.uninstall().finally(progress.end);
        session.printer.result({ removed, ...(await manager.state()) }, () =>
          removed ? `The host is no longer a service: ${manager.file} is gone.` : "The host was no service.",
        );
      }),
    ),
  );
  service.addCommand(
    new Command("status").description("show whether it is installed and runs").action(
      action(none, async (session) => {
        const manager = managerOf(session, []);
        const state = await manager.state();
        const obstacle = await manager.obstacle();
        session.printer.result(state, () => describeState(session, manager, state));
        if (obstacle !== null) session.printer.note(`${obstacle.reason} ${obstacle.hint}`);
      }),
    ),
  );
  return service;
}

async function install(session: Session, options: HostOptions): Promise<void> {
  requireUpstream(options);
  const network = session.networkUrl === undefined ? [] : ["--network", session.networkUrl];
  const manager = managerOf(session, [...(options.local ? [] : network), ...hostFlags(options, session.config)]);
  const obstacle = await manager.obstacle();
  if (obstacle !== null) {
    throw new PeerError("daemon_unreachable", `The host can't be made a service. ${obstacle.reason}`, {
      hint: obstacle.hint,
    });
  }
  await requireFreeHost(session, manager);
  if (!options.local) await requireKeptAccount(session);
  const progress = session.printer.progress();
  progress.update({ step: "Installing the service" });
  await manager.install().finally(progress.end);
  const state = await manager.state();
  session.printer.result(state, () =>
    [
      `Installed ${state.unit}: it ${state.running ? "runs now" : "is starting"}, and starts again with this machine.`,
      ...(state.lingers === false ? [lingerHint] : []),
      'See how it does: "peerllm host status", "peerllm host logs --follow".',
    ].join("\n"),
  );
}

const lingerHint = 'It stops when you log out. To keep it: "loginctl enable-linger".';

/** A host that somebody started by hand holds the home, so the service's would end at once. */
async function requireFreeHost({ home }: Session, manager: ServiceManager): Promise<void> {
  const holder = await readLockRecord(home, "host");
  if (holder === null || !isAlive(holder) || (await manager.state()).running) return;
  throw new PeerError("already_running", `A host runs in "${home.root}" already, as process ${holder.pid}.`, {
    hint: 'Stop it first: "peerllm host down".',
  });
}

/** The service has no environment of ours: its account must be in the home. */
async function requireKeptAccount(session: Session): Promise<void> {
  const { account, networkUrl } = await ensureAccess(session);
  if (account !== null) return;
  throw new PeerError("authentication_failed", `The home keeps no account for ${networkUrl}, only PEERLLM_API_KEY.`, {
    hint: 'A service does not see that variable: run "peerllm account create" without it first.',
  });
}

function managerOf(session: Session, flags: readonly string[]): ServiceManager {
  const home = homeAt(resolve(session.home.root));
  const command = [process.execPath, packageFile("dist/peerllm.js"), "host", "up", "--foreground"];
  const service = { name: serviceName(home), home: home.root, command: [...command, "--home", home.root, ...flags] };
  if (process.platform === "linux") return systemd(service, session.signal);
  if (process.platform === "darwin") return launchd(service, session.signal);
  const line = service.command.map((word) => `"${word}"`).join(" ");
  throw new PeerError("usage_invalid", `Services are made on Linux and macOS, not on ${process.platform}.`, {
    hint: `Make a task of Task Scheduler, "at log on", of this: ${line}`,
  });
}

function describeState({ printer }: Session, manager: ServiceManager, state: ServiceState): string {
  if (!state.installed) return 'The host is no service here. Make it one: "peerllm host service install".';
  return printer.facts([
    ["service", state.unit],
    ["file", manager.file],
    ["enabled", state.enabled ? "yes, it starts with the machine" : "no"],
    ["running", state.running ? "yes" : "no"],
    ...(state.lingers === false ? [["logged out", lingerHint] as const] : []),
  ]);
}
