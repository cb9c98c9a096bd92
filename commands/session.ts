import type { Command } from "commander";
import * as z from "zod";
import { type Config, type ConfigKey, configKeyNames, openConfig } from "../src/config.ts";
import { PeerError } from "../src/errors.ts";
import { type Home, homeAt } from "../src/paths.ts";
import { refusalOf } from "../src/typed-refusal.ts";
import { noteFailure } from "./exit.ts";
import { environmentName, environmentValue, isGlobalOption } from "./global-options.ts";
import { createPrinter, type Printer } from "./printer.ts";

/** What every command is handed: where it is, how to speak, and when to stop. */
export interface Session {
  readonly home: Home;
  readonly config: Config;
  /** The command's own options that flags or the environment name, as they are written there. */
  readonly given: Readonly<Record<string, unknown>>;
  readonly printer: Printer;
  /** `--network`, its environment or its config; undefined where none says. */
  readonly networkUrl: string | undefined;
  readonly isJson: boolean;
  /** Whether a question may be asked: a terminal, no --yes, no CI. */
  readonly mayAsk: boolean;
  /** Aborts on SIGINT, SIGTERM and SIGHUP, and when nobody takes what is printed any more. */
  readonly signal: AbortSignal;
}

export type Handler<Options> = (session: Session, options: Options, args: readonly string[]) => Promise<void>;

const globalsSchema = z.object({
  home: z.string().min(1).optional(),
  network: z.url({ protocol: /^https?$/, error: "must be a URL like http://127.0.0.1:7420" }).optional(),
  json: z.boolean().default(false),
  yes: z.boolean().default(false),
  debug: z.boolean().default(false),
});

/**
 * Makes a commander action of a handler: the command's own options are read with `schema` (what people type is bytes
 * from outside), the global ones become the session.
 */
export function action<Schema extends z.ZodType>(schema: Schema, handler: Handler<z.output<Schema>>) {
  return async (...received: unknown[]): Promise<void> => {
    const command = received.at(-1);
    if (!isCommand(command)) throw new PeerError("unexpected", "The command line was wired up wrongly.");
    const settings = parse(globalsSchema, globalOptions(command), command);
    const given = givenOptions(command);
    const home = homeAt(settings.home);
    const config = openConfig(home);
    const interrupted = watchInterrupts();
    const printer = createPrinter(settings.json);
    const session: Session = {
      home,
      config,
      given,
      printer,
      get networkUrl() {
        return settings.network ?? configuredNetwork(config);
      },
      isJson: settings.json,
      mayAsk: process.stdin.isTTY === true && !settings.yes && isUnset(process.env.CI),
      signal: interrupted.signal,
    };
    const configured = configuredOptions(command, config, given);
    const options = parse(schema, { ...command.opts(), ...configured, ...given }, command);
    try {
      await handler(session, options, command.args);
    } catch (error) {
      // Once the result is out, what was asked for is done: a failure to clean up after it changes nothing of that.
      if (!printer.hasResult) throw error;
      noteFailure(error, { isDebug: settings.debug });
    } finally {
      interrupted.end();
    }
  };
}

function isCommand(value: unknown): value is Command {
  return typeof value === "object" && value !== null && "optsWithGlobals" in value;
}

/** Of the same global option said twice the one nearest to the command counts, and a flag before the environment. */
function globalOptions(command: Command): Record<string, unknown> {
  const globals: Record<string, unknown> = {};
  for (const wanted of ["env", "cli"]) {
    for (const each of [...lineage(command)].reverse()) {
      for (const [name, value] of Object.entries(each.opts())) {
        if (isGlobalOption(name) && each.getOptionValueSource(name) === wanted) globals[name] = value;
      }
    }
  }
  return globals;
}

/** The command and its ancestors, nearest first. */
function* lineage(command: Command): Generator<Command> {
  for (let each: Command | null = command; each !== null; each = each.parent) yield each;
}

function configuredNetwork(config: Config): string | undefined {
  const url = config.get("network.url");
  return typeof url === "string" ? url : undefined;
}

/** What flags, else the environment, say of the command's own options, in the order of its help. */
function givenOptions(command: Command): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const option of command.options) {
    const name = option.attributeName();
    const source = command.getOptionValueSource(name) ?? "";
    const value = ["cli", "env"].includes(source) ? command.getOptionValue(name) : environmentValue(option);
    if (value !== undefined && !isGlobalOption(name)) given[name] = value;
  }
  return given;
}

/** Those that the keys of the config file are for: "consume", "host up", "host service install". */
const configuredCommands = /^(\w+)(?: up| service install)?$/;

/** What the config file says of the options its keys are for. What was given instead isn't asked for. */
function configuredOptions(command: Command, config: Config, given: Session["given"]): Record<string, unknown> {
  const path = [...lineage(command)].map((each) => each.name()).reverse();
  const group = configuredCommands.exec(path.slice(1).join(" "))?.[1];
  const keys = new Map<string, ConfigKey>(configKeyNames().map((key) => [key, key]));
  const configured: Record<string, unknown> = {};
  for (const name of command.options.map((option) => option.attributeName())) {
    const key = keys.get(name === "privacy" ? "privacy.level" : `${group}.${name}`);
    const value = key === undefined || Object.hasOwn(given, name) ? undefined : config.get(key);
    if (value !== undefined) configured[name] = value;
  }
  return configured;
}

function parse<Schema extends z.ZodType>(
  schema: Schema,
  values: Record<string, unknown>,
  command: Command,
): z.output<Schema> {
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  const name = String(parsed.error.issues[0]?.path[0] ?? "");
  const given = values[name] === undefined ? "" : `, not "${String(values[name]).slice(0, 64)}"`;
  throw new PeerError("usage_invalid", `${placeOf(command, name)} ${refusalOf(parsed.error)}${given}.`, {
    hint: "Add --help to see how it is used.",
  });
}

/** Where a person finds what was refused: a flag, else a variable. What is in the config file was read before. */
function placeOf(command: Command, name: string): string {
  const option = command.options.find((each) => each.attributeName() === name);
  if (option === undefined) return `"${name}"`;
  const isTyped = [...lineage(command)].some((each) => each.getOptionValueSource(name) === "cli");
  return isTyped || environmentValue(option) === undefined ? (option.long ?? name) : environmentName(option);
}

function isUnset(value: string | undefined): boolean {
  return value === undefined || value === "" || value === "0" || value === "false";
}

const interrupts = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** A second interrupt ends the process at once, whatever it is doing. */
function watchInterrupts(): { signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  let isInterrupted = false;
  const onSignal = (name: NodeJS.Signals) => {
    if (isInterrupted) process.exit(name === "SIGINT" ? 130 : 143);
    isInterrupted = true;
    controller.abort(new PeerError("cancelled", `Stopped by ${name}.`));
  };
  const onOutputLost = (cause: Error) => {
    controller.abort(new PeerError("cancelled", "What is printed reaches nobody any more.", { cause }));
  };
  for (const name of interrupts) process.on(name, onSignal);
  process.stdout.on("error", onOutputLost);
  return {
    signal: controller.signal,
    end() {
      for (const name of interrupts) process.off(name, onSignal);
      process.stdout.off("error", onOutputLost);
    },
  };
}
