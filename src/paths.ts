import { existsSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { PeerError } from "./errors.ts";

/** Everything one instance keeps. Every path derives from `home`, so instances with different homes never meet. */
export interface Home {
  readonly root: string;
  readonly configFile: string;
  readonly keysDirectory: string;
  readonly modelsDirectory: string;
  readonly databaseDirectory: string;
  readonly logsDirectory: string;
  readonly runDirectory: string;
}

/**
 * The home named by `--home` or `PEERLLM_HOME`, else the platform's own place for application data. Absolute: daemons
 * work in another folder than the commands that start them.
 */
export function homeAt(root: string | undefined): Home {
  const directory = resolve(root ?? platformHome());
  return {
    root: directory,
    configFile: join(directory, "config.json"),
    keysDirectory: join(directory, "keys"),
    modelsDirectory: join(directory, "models"),
    databaseDirectory: join(directory, "data"),
    logsDirectory: join(directory, "logs"),
    runDirectory: join(directory, "run"),
  };
}

function platformHome(): string {
  if (process.platform === "darwin") return join(userFolder(), "Library", "Application Support", "peerllm");
  if (process.platform === "win32") return join(process.env.LOCALAPPDATA ?? userFolder(), "peerllm");
  return join(xdgFolder("XDG_DATA_HOME", ".local", "share"), "peerllm");
}

/** What the variable names, else that place in the user's folder. Source: XDG Base Directory Specification 0.8. */
export function xdgFolder(variable: "XDG_DATA_HOME" | "XDG_CONFIG_HOME", ...place: readonly string[]): string {
  const said = process.env[variable] ?? "";
  return isAbsolute(said) ? said : join(userFolder(), ...place);
}

/** By HOME, else by the system, which need not know this user: in a container one may be but a number. */
export function userFolder(): string {
  const said = process.env.HOME ?? "";
  try {
    return isAbsolute(said) ? said : userInfo().homedir;
  } catch (cause) {
    throw new PeerError("config_invalid", "This user has no folder of its own, and HOME names none.", {
      cause,
      hint: "Name a place for PeerLLM with --home or PEERLLM_HOME.",
    });
  }
}

/** A file shipped in the package, by its path from the package root; the same from source and from `dist`. */
export function packageFile(relativePath: string): string {
  return join(packageRoot(), relativePath);
}

let cachedRoot: string | undefined;

function packageRoot(): string {
  if (cachedRoot !== undefined) return cachedRoot;
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!isPackageRoot(directory)) {
    const parent = dirname(directory);
    if (parent === directory) throw new PeerError("file_missing", "PeerLLM's own package folder was not found.");
    directory = parent;
  }
  cachedRoot = directory;
  return directory;
}

function isPackageRoot(directory: string): boolean {
  const manifest = join(directory, "package.json");
  return existsSync(manifest) && readFileSync(manifest, "utf8").includes('"name": "peerllm"');
}

export function packageVersion(): string {
  const version = /"version": "([^"]+)"/.exec(readFileSync(packageFile("package.json"), "utf8"))?.[1];
  if (version === undefined) throw new PeerError("unexpected", "package.json carries no version.");
  return version;
}
