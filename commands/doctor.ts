import { constants, lstat, access as mayUse, readdir, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Command } from "commander";
import * as z from "zod";
import { callDaemon } from "../src/client/control.ts";
import { createGateway } from "../src/client/gateway.ts";
import { isAlive } from "../src/client/process-identity.ts";
import { readLockRecord } from "../src/client/run-record.ts";
import { isPeerError, PeerError, systemFailure } from "../src/errors.ts";
import { ifThere } from "../src/if-there.ts";
import { freeMemoryBytes, memoryBytes, threadsAtOnce } from "../src/machine.ts";
import { packageVersion } from "../src/paths.ts";
import { routes } from "../src/protocol/api.ts";
import { type RoleName, roleNames } from "../src/protocol/control.ts";
import { frameMethods } from "../src/protocol/control-methods.ts";
import { timeLimit } from "../src/time-limit.ts";
import { type Access, findAccess } from "./access.ts";
import { formatBytes } from "./printer.ts";
import { action, type Session } from "./session.ts";

interface Check {
  readonly name: string;
  readonly state: "ok" | "warning" | "failed";
  readonly detail: string;
  /** What to do; null where nothing is. */
  readonly hint: string | null;
}

/** `peerllm doctor`: looks this machine, this home, its daemons and its network over. Changes nothing. */
export function doctorCommand(): Command {
  return new Command("doctor")
    .description("check this machine, this home, its daemons and its network")
    .addHelpText("after", "\nExits 0 where nothing failed, else 1.\n\nExample:\n  peerllm doctor")
    .action(action(z.object({}), doctor));
}

export async function doctor(session: Session): Promise<void> {
  const { printer } = session;
  const checks = [
    nodeCheck(),
    memoryCheck(),
    await homeCheck(session),
    await diskCheck(session),
    await secretsCheck(session),
    configCheck(session),
    ...(await Promise.all(roleNames.map((role) => daemonCheck(session, role)))),
    ...(await networkChecks(session)),
  ];
  const isSound = checks.every((check) => check.state !== "failed");
  printer.result({ ok: isSound, version: packageVersion(), checks }, () =>
    checks
      .map(({ name, state, detail, hint }) => {
        const line = `${marks[state]}  ${name.padEnd(8)}  ${detail}`;
        return hint === null ? line : `${line}\n              ${hint}`;
      })
      .join("\n"),
  );
  if (!isSound) process.exitCode = 1;
}

const marks = { ok: "ok  ", warning: "warn", failed: "FAIL" } as const satisfies Record<Check["state"], string>;

function ok(name: string, detail: string): Check {
  return { name, state: "ok", detail, hint: null };
}

const nodeMajors = { least: 20, minor: 20 } as const;

function nodeCheck(): Check {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const detail = `Node ${process.versions.node}, ${process.platform} ${process.arch}, ${threadsAtOnce()} cores`;
  const isFit = major > nodeMajors.least || (major === nodeMajors.least && minor >= nodeMajors.minor);
  return isFit ? ok("node", detail) : { name: "node", state: "failed", detail, hint: "Update Node to 20.20 or newer." };
}

const memoryBytesMin = 512 * 1024 * 1024;

function memoryCheck(): Check {
  const detail = `${formatBytes(freeMemoryBytes())} of ${formatBytes(memoryBytes())} free`;
  if (freeMemoryBytes() >= memoryBytesMin) return ok("memory", detail);
  return { name: "memory", state: "warning", detail, hint: "Close other programs before serving a model." };
}

async function homeCheck({ home }: Session): Promise<Check> {
  try {
    const existing = await nearestExisting(home.root);
    await mayUse(existing, constants.R_OK | constants.W_OK | constants.X_OK);
    const { mode } = await stat(home.root).catch(() => ({ mode: 0o700 }));
    if ((mode & 0o022) === 0) return ok("home", existing === home.root ? home.root : `${home.root}, not made yet`);
    return {
      name: "home",
      state: "failed",
      detail: `Others may write to ${home.root}`,
      hint: `chmod 700 ${home.root}`,
    };
  } catch (error) {
    const detail = `${home.root} can't be made, read or written to (${codeOf(error)})`;
    return { name: "home", state: "failed", detail, hint: "Name another with --home." };
  }
}

/** The folder itself, or the one it would be made in. */
async function nearestExisting(path: string): Promise<string> {
  const isThere = (await ifThere(lstat(path))) !== null;
  return isThere || dirname(path) === path ? path : nearestExisting(dirname(path));
}

const diskBytesMin = 1_000_000_000;

async function diskCheck({ home }: Session): Promise<Check> {
  try {
    const { bavail, bsize } = await statfs(await nearestExisting(home.root));
    const detail = `${formatBytes(bavail * bsize)} free`;
    if (bavail * bsize >= diskBytesMin) return ok("disk", detail);
    return { name: "disk", state: "warning", detail, hint: "Models need room: free some, or name another --home." };
  } catch (error) {
    return { name: "disk", state: "warning", detail: `Room on disk is unknown (${codeOf(error)})`, hint: null };
  }
}

async function secretsCheck(session: Session): Promise<Check> {
  try {
    return await lookAtSecrets(session);
  } catch (error) {
    return failed("keys", error);
  }
}

async function lookAtSecrets({ home }: Session): Promise<Check> {
  const names = (await ifThere(readdir(home.keysDirectory))) ?? [];
  const open: string[] = [];
  for (const name of names) {
    const path = join(home.keysDirectory, name);
    // One that is gone by now was a draft.
    const mode = (await ifThere(stat(path)))?.mode ?? 0;
    if ((mode & 0o077) !== 0) open.push(path);
  }
  if (open.length === 0) return ok("keys", names.length === 0 ? "none yet" : `${names.length}, for this user alone`);
  const detail = `Others may read ${open.join(", ")}`;
  return { name: "keys", state: "failed", detail, hint: `chmod 600 ${open.join(" ")}` };
}

function configCheck({ config }: Session): Check {
  try {
    const count = Object.keys(config.list()).length;
    return ok("config", count === 0 ? "nothing set" : `${count} set`);
  } catch (error) {
    return failed("config", error);
  }
}

/** Of a check that itself could not be made. */
function failed(name: string, error: unknown): Check {
  const refused = systemFailure(error) ?? error;
  if (!isPeerError(refused)) throw error;
  return { name, state: "failed", detail: refused.message, hint: refused.hint ?? null };
}

async function daemonCheck(session: Session, role: RoleName): Promise<Check> {
  try {
    return await lookAtDaemon(session, role);
  } catch (error) {
    return failed(role, error);
  }
}

async function lookAtDaemon(session: Session, role: RoleName): Promise<Check> {
  const holder = await readLockRecord(session.home, role);
  if (holder === null) return ok(role, "not running");
  if (!isAlive(holder)) return ok(role, "not running; it ended without saying so, and can be started again");
  try {
    const { version, pid } = await callDaemon(session.home, role, frameMethods.ping, {}, session.signal);
    if (version === packageVersion()) return ok(role, `running as process ${pid}`);
    const detail = `process ${pid} is of version ${version}, this command of ${packageVersion()}`;
    return { name: role, state: "warning", detail, hint: "Stop it and start it again." };
  } catch {
    session.signal.throwIfAborted();
    const detail = `process ${holder.pid} doesn't answer`;
    return { name: role, state: "warning", detail, hint: "It may be starting. If not, stop it with its down command." };
  }
}

async function networkChecks(session: Session): Promise<Check[]> {
  try {
    return await askNetwork(session, await findAccess(session));
  } catch (error) {
    session.signal.throwIfAborted();
    return [failed("account", error)];
  }
}

async function askNetwork(session: Session, access: Access): Promise<Check[]> {
  const gateway = createGateway({ url: access.networkUrl, apiKey: access.apiKey });
  const limited = AbortSignal.any([session.signal, timeLimit(15_000)]);
  try {
    const network = await gateway.call(routes["network-show"], {}, limited);
    const reached = ok("reach", `${access.networkUrl} (${network.networkId}, version ${network.version})`);
    if (access.apiKey === null) return [reached, ok("account", "none yet")];
    const account = await gateway.call(routes["account-show"], {}, limited);
    return [reached, ok("account", account.accountId)];
  } catch (error) {
    session.signal.throwIfAborted();
    const isAccount = isPeerError(error, "authentication_failed");
    const detail = error instanceof PeerError ? error.message : `${access.networkUrl} doesn't answer`;
    // Without an account nobody has said that this network is theirs.
    const state = access.apiKey === null && session.networkUrl === undefined ? "warning" : "failed";
    return [
      { name: isAccount ? "account" : "reach", state, detail, hint: isPeerError(error) ? (error.hint ?? null) : null },
    ];
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}
