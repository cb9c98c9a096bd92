import { Command } from "commander";
import * as z from "zod";
import { type RoleName, stopCommands } from "../src/protocol/control.ts";
import { wholeNumber } from "../src/typed-number.ts";
import { startDaemon, stopDaemon } from "./daemon-process.ts";
import { noteFailure } from "./exit.ts";
import { followLog } from "./log-reader.ts";
import { action, type Session } from "./session.ts";

/**
 * Starts a role and prints what it serves. In the foreground this returns once it has ended, and the command's exit
 * code is the daemon's.
 */
export async function runRole(
  session: Session,
  role: RoleName,
  options: unknown,
  isForeground: boolean,
  describe: (ready: Readonly<Record<string, unknown>>) => string,
): Promise<void> {
  const progress = session.printer.progress();
  try {
    const mode = isForeground ? ("foreground" as const) : ("background" as const);
    const start = { home: session.home, role, options, mode };
    const daemon = await startDaemon(start, progress.update, session.signal);
    progress.end();
    session.printer.result({ ...daemon.ready, pid: daemon.pid }, () => describe(daemon.ready));
    if (!isForeground) return;
    session.signal.addEventListener("abort", () => daemon.stop(), { once: true });
    if (session.signal.aborted) daemon.stop();
    const { exitCode, failure } = await daemon.exited;
    // The command's one document is out.
    if (failure !== null) noteFailure(failure, { isDebug: false });
    process.exitCode = exitCode;
  } finally {
    progress.end();
  }
}

const groups = { network: "network", host: "host", proxy: "consume" } as const satisfies Record<RoleName, string>;
const titles = { network: "orchestrator", host: "host", proxy: "endpoint" } as const satisfies Record<RoleName, string>;

export function downCommand(role: RoleName, description: string): Command {
  return new Command("down")
    .description(description)
    .option("--now", "don't wait for what runs")
    .addHelpText("after", `\nExamples:\n  ${stopCommands[role]}\n  ${stopCommands[role]} --now`)
    .action(
      action(z.object({ now: z.boolean().default(false) }), async (session, options) => {
        const progress = session.printer.progress();
        progress.update({ step: `Stopping the ${titles[role]}` });
        const stopped = await stopDaemon(session.home, role, options.now, session.signal).finally(progress.end);
        const document = { stopped: stopped !== null, pid: stopped?.pid ?? null, killed: stopped?.wasKilled ?? false };
        session.printer.result(document, () => {
          if (stopped === null) return `No ${titles[role]} was running.`;
          return stopped.wasKilled
            ? `The ${titles[role]} did not end in time and was killed.`
            : `The ${titles[role]} is down.`;
        });
      }),
    );
}

export function logsCommand(role: RoleName, description: string): Command {
  return new Command("logs")
    .description(description)
    .option("--follow", "keep showing what is added")
    .option("--lines <n>", "lines from the end to show (default 100)")
    .addHelpText(
      "after",
      `\nExamples:\n  peerllm ${groups[role]} logs --lines 20\n  peerllm ${groups[role]} logs --follow`,
    )
    .action(
      action(
        z.object({
          follow: z.boolean().default(false),
          lines: wholeNumber(0, 100_000).default(100),
        }),
        (session, options) => followLog(session, role, options),
      ),
    );
}
