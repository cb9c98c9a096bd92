import { rm } from "node:fs/promises";
import { join } from "node:path";
import { PeerError } from "../src/errors.ts";
import { readIfThere } from "../src/if-there.ts";
import { xdgFolder } from "../src/paths.ts";
import { writePrivateFile } from "../src/private-file.ts";
import { runTool, type Service, type ServiceManager } from "./service.ts";

/** Longer than a daemon takes to drain (30 s) and to close (10 s). */
const stopSeconds = 50;
const restartSeconds = 15;

/** The user's own systemd: no root, nothing outside the user's folders. */
export function systemd(service: Service, signal: AbortSignal): ServiceManager {
  const unit = `${service.name}.service`;
  const folder = join(xdgFolder("XDG_CONFIG_HOME", ".config"), "systemd", "user");
  const file = join(folder, unit);
  const ask = (...words: string[]) => runTool("systemctl", ["--user", ...words], signal);
  const tell = async (...words: string[]) => {
    const { exitCode, stderr } = await ask(...words);
    if (exitCode === 0) return;
    throw new PeerError("unexpected", `"systemctl --user ${words.join(" ")}" failed: ${firstLine(stderr)}.`, {
      hint: `Look into "journalctl --user -u ${unit}" and "${file}".`,
    });
  };
  const written = () => readIfThere(file);
  return {
    file,
    async obstacle() {
      const { exitCode, stderr } = await ask("show", "--property=Version");
      if (exitCode === 0) return null;
      const reason =
        exitCode === null ? "systemd is not installed here." : `No systemd of this user answers: ${firstLine(stderr)}.`;
      return { reason, hint: withoutManager(service.command) };
    },
    async state() {
      const installed = (await written()) !== null;
      const enabled = installed && (await ask("is-enabled", "--quiet", unit)).exitCode === 0;
      const running = installed && (await ask("is-active", "--quiet", unit)).exitCode === 0;
      return { installed, enabled, running, unit, lingers: await lingers(signal) };
    },
    async install() {
      const text = systemdUnit(service);
      const isNew = (await written()) !== text;
      if (isNew) await writePrivateFile(file, text);
      await tell("daemon-reload");
      await tell("enable", unit);
      await tell(isNew ? "restart" : "start", unit);
    },
    async uninstall() {
      if ((await written()) === null) return false;
      const isAnswering = (await ask("show", "--property=Version")).exitCode === 0;
      if (isAnswering) await tell("disable", "--now", unit);
      else await rm(join(folder, "default.target.wants", unit), { force: true });
      await rm(file);
      if (isAnswering) await tell("daemon-reload");
      return true;
    },
  };
}

/**
 * The unit: started again after a crash and where the network was away (exit codes 1, 4 and 5), not where its options
 * are wrong (2) or it was refused (3). SIGTERM goes to the command alone, which drains its daemon before that ends.
 * Source: systemd.service(5), systemd.kill(5).
 */
export function systemdUnit({ title, home, command: [program = "", ...words] }: Service): string {
  return `[Unit]
Description=PeerLLM ${title} of ${escapeSpecifiers(home)}
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${[quote(program), ...words.map((word) => quote(word).replaceAll("$", "$$$$"))].join(" ")}
Restart=on-failure
RestartSec=${restartSeconds}
RestartPreventExitStatus=2 3
KillMode=mixed
TimeoutStopSec=${stopSeconds}
UMask=0077

[Install]
WantedBy=default.target
`;
}

/** One word of a command line, as systemd.syntax(7) and "COMMAND LINES" of systemd.service(5) want it. */
function quote(word: string): string {
  return `"${escapeSpecifiers(word.replace(/[\\"]/g, "\\$&"))}"`;
}

function escapeSpecifiers(text: string): string {
  return text.replaceAll("%", "%%").replaceAll("\n", "\\n");
}

/** Null where logind doesn't say. */
async function lingers(signal: AbortSignal): Promise<boolean | null> {
  const { exitCode, stdout } = await runTool(
    "loginctl",
    ["show-user", `${process.getuid?.()}`, "--property=Linger", "--value"],
    signal,
  );
  return exitCode === 0 ? stdout.trim() === "yes" : null;
}

/** What does the same where nothing starts services: in a container, or over su. */
function withoutManager([, , ...words]: readonly string[]): string {
  const line = ["peerllm", ...words].map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`,
  );
  return `In a container, let this be its command, with a restart policy: ${line.join(" ")} (on a server: log in as this user by ssh, not su, and try again).`;
}

function firstLine(text: string): string {
  return (text.trim().split("\n")[0] ?? "").replace(/\.$/, "");
}
