import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { Command } from "commander";
import * as z from "zod";
import { lockFile } from "../src/client/lock.ts";
import { systemClock } from "../src/clock.ts";
import { type ConfigValue, configKeyNames, parseConfigKey } from "../src/config.ts";
import { action, type Session } from "./session.ts";

const none = z.object({});

/** `peerllm config …`: the home's config file. */
export function configCommand(): Command {
  const config = new Command("config")
    .description("read and change the config file")
    .addHelpText(
      "after",
      `\nKeys:\n  ${configKeyNames().join("\n  ")}\n\nExample:\n  peerllm config set privacy.mask "Project Atlas, Zenith"`,
    );
  config.addCommand(
    new Command("get")
      .description("print a value")
      .argument("<key>")
      .addHelpText("after", "\nExample:\n  peerllm config get host.threads")
      .action(
        action(none, async (session, _, [name = ""]) => {
          const key = parseConfigKey(name);
          const value = session.config.get(key) ?? null;
          session.printer.result({ key, value }, () => (value === null ? "" : formatValue(value)));
        }),
      ),
  );
  config.addCommand(
    new Command("set")
      .description("set a value; lists are separated by commas")
      .argument("<key>")
      .argument("<value>")
      .addHelpText("after", '\nExample:\n  peerllm config set privacy.mask "Project Atlas, Zenith"')
      .action(
        action(none, async (session, _, [name = "", text = ""]) => {
          const key = parseConfigKey(name);
          const value = await alone(session, () => session.config.set(key, text));
          session.printer.result({ key, value }, () => `${key} = ${formatValue(value)}`);
        }),
      ),
  );
  config.addCommand(
    new Command("unset")
      .description("go back to the default")
      .argument("<key>")
      .addHelpText("after", "\nExample:\n  peerllm config unset privacy.mask")
      .action(
        action(none, async (session, _, [name = ""]) => {
          const key = parseConfigKey(name);
          await alone(session, () => session.config.unset(key));
          session.printer.result({ key, value: null }, () => `${key} is unset.`);
        }),
      ),
  );
  config.addCommand(
    new Command("list")
      .description("print what is set")
      .addHelpText("after", "\nExample:\n  peerllm config list")
      .action(
        action(none, async (session) => {
          const values = session.config.list();
          session.printer.result(values, () =>
            session.printer.facts(Object.entries(values).map(([key, value]) => [key, formatValue(value)] as const)),
          );
        }),
      ),
  );
  config.addCommand(
    new Command("path")
      .description("print where the file is")
      .addHelpText("after", "\nExample:\n  peerllm config path")
      .action(
        action(none, async (session) => {
          session.printer.result({ path: session.config.path }, () => session.config.path);
        }),
      ),
  );
  return config;
}

/** Makes a change that no other command's comes between: each reads the file, and writes it whole. */
async function alone<Result>({ config, signal }: Session, change: () => Promise<Result>): Promise<Result> {
  await mkdir(dirname(config.path), { recursive: true, mode: 0o700 });
  const lock = await lockFile(config.path, systemClock, signal);
  try {
    return await change();
  } finally {
    await lock.release();
  }
}

function formatValue(value: ConfigValue): string {
  return Array.isArray(value) ? value.join(", ") : String(value);
}
