import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import Conf from "conf";
import * as z from "zod";
import { PeerError, systemFailure } from "./errors.ts";
import type { Home } from "./paths.ts";
import { portNumber as port, positiveNumber, wholeNumber } from "./typed-number.ts";

const count = (max: number) => wholeNumber(1, max);
const words = z
  .union([z.string().transform((text) => splitWords(text)), z.array(z.string())])
  .pipe(z.array(z.string().min(1).max(200)).max(1_000));
const timesOfDay = /^\d{2}:\d{2}-\d{2}:\d{2}(?:\s*,\s*\d{2}:\d{2}-\d{2}:\d{2})*$/;

/**
 * Every key of the config file, with what it may be. A key `command.option` is the option's default in that command
 * ("host.threads" for `peerllm host up --threads`); `network.url` is `--network` everywhere.
 */
export const configKeys = {
  "network.url": z.url({ protocol: /^https?$/ }),
  "network.port": port,
  "network.listen": z.string().min(1),
  "network.billing": z.enum(["off", "credits", "paypal"]),
  "privacy.level": z.enum(["standard", "strict"]),
  "privacy.mask": words,
  "consume.port": port,
  "consume.model": z.string().min(1),
  "consume.fallback": z.enum(["none", "local"]),
  "chat.model": z.string().min(1),
  "host.model": words,
  "host.threads": count(256),
  "host.gpu": z.string().min(1),
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
  set(key: ConfigKey, text: string): ConfigValue;
  unset(key: ConfigKey): void;
  list(): Readonly<Partial<Record<ConfigKey, ConfigValue>>>;
}

/**
 * The config file, which need not exist and isn't read before it is asked: what is damaged in it stops those who want
 * that, not those who mend it. Reading throws `config_invalid` where it isn't JSON, or a value not what it should be.
 */
export function openConfig(home: Home): Config {
  // conf makes the folder of a file it doesn't find, for all to read.
  const read = () => (existsSync(home.configFile) ? openStore(home) : undefined);
  return {
    path: home.configFile,
    get: (key) => parseStored(home, key, read()?.get(key)),
    set(key, text) {
      const value = parseValue(key, text);
      mkdirSync(dirname(home.configFile), { recursive: true, mode: 0o700 });
      openStore(home).set(key, value);
      chmodSync(home.configFile, 0o600);
      return value;
    },
    unset: (key) => read()?.delete(key),
    list() {
      const store = read();
      const entries = configKeyNames().map((key) => [key, parseStored(home, key, store?.get(key))] as const);
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

function openStore(home: Home): Conf<Record<string, ConfigValue>> {
  try {
    return new Conf<Record<string, ConfigValue>>({
      cwd: home.root,
      configName: "config",
      clearInvalidConfig: false,
      configFileMode: 0o600,
    });
  } catch (cause) {
    const refused = systemFailure(cause);
    if (refused !== undefined) throw refused;
    throw new PeerError("config_invalid", `The config file "${home.configFile}" can't be read: it isn't JSON.`, {
      cause,
      hint: "Repair it, or move it away.",
    });
  }
}

function parseStored(home: Home, key: ConfigKey, stored: unknown): ConfigValue | undefined {
  if (stored === undefined) return undefined;
  const parsed = configKeys[key].safeParse(stored);
  if (parsed.success) return parsed.data;
  throw new PeerError(
    "config_invalid",
    `${key} in "${home.configFile}" is not what it should be: ${firstIssue(parsed.error)}.`,
    {
      hint: `Set it anew with "peerllm config set ${key} VALUE".`,
    },
  );
}

function parseValue(key: ConfigKey, text: string): ConfigValue {
  const parsed = configKeys[key].safeParse(text);
  if (parsed.success) return parsed.data;
  throw new PeerError("config_invalid", `${key} can't be "${text.slice(0, 64)}": ${firstIssue(parsed.error)}.`);
}

/** zod's own words, but for its prefix. */
function firstIssue(error: z.ZodError): string {
  const words = (error.issues[0]?.message ?? "invalid").replace(/^Invalid \w+: /, "");
  return words.replace(/^[A-Z]/, (letter) => letter.toLowerCase());
}

function splitWords(text: string): string[] {
  return text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}
