import { chmodSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type Conf from "conf";
import * as z from "zod";
import { PeerError, systemFailure } from "./errors.ts";
import { isMissing } from "./if-there.ts";
import type { Home } from "./paths.ts";
import { portNumber as port, positiveNumber, wholeNumber } from "./typed-number.ts";
import { refusalOf } from "./typed-refusal.ts";

const count = (max: number) => wholeNumber(1, max);
const words = z
  .union([z.string().transform((text) => splitWords(text)), z.array(z.string())], { error: "must be words" })
  .pipe(z.array(z.string().min(1).max(200)).max(1_000));
const timeOfDay = "(?:[01]\\d|2[0-3]):[0-5]\\d";
const stretch = `${timeOfDay}-(?:${timeOfDay}|24:00)`;
const timesOfDay = new RegExp(`^${stretch}(?:\\s*,\\s*${stretch})*$`);

/**
 * Every key of the config file, with what it may be. A key `command.option` is the option's default in that command, of
 * a group in its `up` and `service install` ("host.threads" for `peerllm host up --threads`); `privacy.level` is that of
 * `--privacy`, and `network.url` is `--network` everywhere.
 */
export const configKeys = {
  "network.url": z.url({ protocol: /^https?$/ }),
  "network.port": port,
  "network.listen": z.string().regex(/^[\w.:%-]+$/, "must be an address, such as 127.0.0.1"),
  "network.billing": z.enum(["off", "credits", "paypal"]),
  "privacy.level": z.enum(["standard", "strict"]),
  "privacy.mask": words,
  "consume.port": port,
  "consume.model": z.string().min(1),
  "consume.fallback": z.enum(["none", "local"]),
  "chat.model": z.string().min(1),
  "host.model": words,
  "host.threads": count(256),
  "host.gpu": z.enum(["auto", "off", "cuda", "metal", "vulkan"]),
  "host.sequences": count(64),
  "host.context": wholeNumber(128, 131_072),
  "host.tokensPerSecondMax": positiveNumber(1_000_000),
  "host.schedule": z.string().regex(timesOfDay, "must be times of day, such as 22:00-07:00"),
} as const satisfies Record<string, z.ZodType>;

export type ConfigKey = keyof typeof configKeys;
export type ConfigValue = string | number | string[];

/** The home's config file. */
export interface Config {
  readonly path: string;
  get(key: ConfigKey): ConfigValue | undefined;
  /** `text` is the value as a person writes it; lists are separated by commas. Throws `config_invalid`. */
  set(key: ConfigKey, text: string): Promise<ConfigValue>;
  unset(key: ConfigKey): Promise<void>;
  list(): Readonly<Partial<Record<ConfigKey, ConfigValue>>>;
}

/**
 * The config file, which need not exist and isn't read before it is asked: what is damaged in it stops those who want
 * that, not those who mend it. Reading throws `config_invalid` where it isn't JSON, or a value not what it should be,
 * and what keeps this user from reading it: settings that can't be read are not settings that aren't there.
 */
export function openConfig(home: Home): Config {
  const read = (key: ConfigKey) => parseStored(home, key, storedIn(home, readDocument(home), key));
  return {
    path: home.configFile,
    get: read,
    async set(key, text) {
      const value = parseValue(key, text);
      readDocument(home);
      mkdirSync(dirname(home.configFile), { recursive: true, mode: 0o700 });
      await changeStore(home, (store) => store.set(key, value));
      chmodSync(home.configFile, 0o600);
      return value;
    },
    async unset(key) {
      // conf makes the folder of a file it doesn't find, for all to read.
      if (readDocument(home) !== null) await changeStore(home, (store) => store.delete(key));
    },
    list() {
      const entries = configKeyNames().map((key) => [key, read(key)] as const);
      return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
    },
  };
}

/** Throws `config_invalid`, listing the keys there are. */
export function parseConfigKey(text: string): ConfigKey {
  const key = configKeyNames().find((name) => name === text);
  if (key !== undefined) return key;
  throw new PeerError("config_invalid", `There is no config key "${text.slice(0, 64)}".`, {
    hint: `The keys are ${configKeyNames().join(", ")}.`,
  });
}

export function configKeyNames(): ConfigKey[] {
  return Object.keys(configKeys).filter((name): name is ConfigKey => Object.hasOwn(configKeys, name));
}

type Group = Readonly<Record<string, unknown>>;

/** Null where there is no file. */
function readDocument(home: Home): Group | null {
  const text = readText(home.configFile);
  if (text === null) return null;
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw damaged(home, "it isn't JSON", cause);
  }
  if (isGroup(document)) return document;
  throw damaged(home, "it isn't a JSON object");
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (isMissing(error)) return null;
    throw systemFailure(error, file) ?? error;
  }
}

function isGroup(value: unknown): value is Group {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function damaged({ configFile }: Home, why: string, cause?: unknown): PeerError {
  return new PeerError("config_invalid", `The config file "${configFile}" can't be read: ${why}.`, {
    cause,
    hint: "Repair it, or move it away.",
  });
}

/** The value of "host.threads" is that of "threads" in the object "host". */
function storedIn(home: Home, document: Group | null, key: ConfigKey): unknown {
  const [group = "", name = ""] = key.split(".");
  const values = document?.[group];
  if (values === undefined) return undefined;
  if (isGroup(values)) return values[name];
  throw mismatch(home, key, `"${group}" must be an object`);
}

async function changeStore(home: Home, change: (store: Conf<Record<string, ConfigValue>>) => void): Promise<void> {
  // conf looks for the user's folder when it is loaded, and fails where there is none, though it is told its place.
  process.env.HOME ??= home.root;
  const { default: Conf } = await import("conf");
  const place = { cwd: home.root, configName: "config", clearInvalidConfig: false, configFileMode: 0o600 };
  try {
    change(new Conf<Record<string, ConfigValue>>(place));
  } catch (error) {
    throw systemFailure(error, home.configFile) ?? error;
  }
}

function parseStored(home: Home, key: ConfigKey, stored: unknown): ConfigValue | undefined {
  if (stored === undefined) return undefined;
  const parsed = configKeys[key].safeParse(stored);
  if (parsed.success) return parsed.data;
  throw mismatch(home, key, `it ${refusalOf(parsed.error)}`);
}

function mismatch({ configFile }: Home, key: ConfigKey, why: string): PeerError {
  return new PeerError("config_invalid", `${key} in "${configFile}" is not what it should be: ${why}.`, {
    hint: `Set it anew with "peerllm config set ${key} VALUE".`,
  });
}

function parseValue(key: ConfigKey, text: string): ConfigValue {
  const parsed = configKeys[key].safeParse(text);
  if (parsed.success) return parsed.data;
  throw new PeerError("config_invalid", `${key} can't be "${text.slice(0, 64)}": it ${refusalOf(parsed.error)}.`, {
    hint: '"peerllm config --help" lists the keys.',
  });
}

function splitWords(text: string): string[] {
  return text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}
