import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../src/clock.ts";
import { PeerError } from "../src/errors.ts";
import { userFolder } from "../src/paths.ts";
import { writePrivateFile } from "../src/private-file.ts";
import { runTool, type Service, type ServiceManager } from "./service.ts";

/** Longer than a daemon takes to drain (30 s) and to close (10 s). */
const stopSeconds = 50;
const restartSeconds = 15;
const lookMs = 250;

/** macOS: a launch agent of this user. */
export function launchd(service: Service, signal: AbortSignal): ServiceManager {
  const label = `network.${service.name}`;
  const file = join(userFolder(), "Library", "LaunchAgents", `${label}.plist`);
  const domain = `gui/${process.getuid?.()}`;
  const target = `${domain}/${label}`;
  const ask = (...words: string[]) => runTool("launchctl", words, signal);
  const tell = async (...words: string[]) => {
    const { exitCode, stderr } = await ask(...words);
    if (exitCode === 0) return;
    throw new PeerError("unexpected", `"launchctl ${words.join(" ")}" failed: ${stderr.trim().split("\n")[0]}.`, {
      hint: `Look into "${file}", and "launchctl print ${target}".`,
    });
  };
  const isLoaded = async () => (await ask("print", target)).exitCode === 0;
  /** Says "in progress" while the daemon drains. */
  const unload = async () => {
    await ask("bootout", target);
    for (let look = 0; await isLoaded(); look += 1) {
      if (look * lookMs > 1_000 * (stopSeconds + 10)) throw new PeerError("unexpected", `"${target}" does not end.`);
      await systemClock.sleep(lookMs, signal);
    }
  };
  return {
    file,
    async obstacle() {
      const { exitCode } = await ask("print", domain);
      if (exitCode === 0) return null;
      const reason = exitCode === null ? "launchctl is not here." : "Nobody is logged in at this Mac's screen.";
      return { reason, hint: "Log in at the screen as this user and try again." };
    },
    async state() {
      const { exitCode, stdout } = await ask("print", target);
      const enabled = exitCode === 0;
      const running = enabled && isRunning(stdout);
      return { installed: existsSync(file), enabled, running, unit: label, lingers: null };
    },
    async install() {
      const text = launchdPlist(label, service);
      const isNew = !existsSync(file) || (await readFile(file, "utf8")) !== text;
      if (!isNew && isRunning((await ask("print", target)).stdout)) return;
      await unload();
      if (isNew) await writePrivateFile(file, text);
      // RunAtLoad starts it.
      await tell("bootstrap", domain, file);
    },
    async uninstall() {
      if (!existsSync(file)) return false;
      await unload();
      await rm(file);
      return true;
    },
  };
}

/** Started again unless it ended by itself and well. Source: launchd.plist(5). */
export function launchdPlist(label: string, { command }: Service): string {
  const words = command.map((word) => `\n      <string>${escapeXml(word)}</string>`).join("");
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
  <dict>
    <key>Label</key>
    <string>${escapeXml(label)}</string>
    <key>ProgramArguments</key>
    <array>${words}
    </array>
    <key>RunAtLoad</key>
    <true/>
    <key>KeepAlive</key>
    <dict>
      <key>SuccessfulExit</key>
      <false/>
    </dict>
    <key>ThrottleInterval</key>
    <integer>${restartSeconds}</integer>
    <key>ExitTimeOut</key>
    <integer>${stopSeconds}</integer>
    <key>Umask</key>
    <integer>63</integer>
  </dict>
</plist>
`;
}

function isRunning(printed: string): boolean {
  return /^\s*state = running$/m.test(printed);
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
