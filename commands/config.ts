import { Command } from "commander";
import * as z from "zod";
import { type ConfigValue, configKeyNames, parseConfigKey } from "../src/config.ts";
import { action } from "./session.ts";

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
          const value = session.config.set(key, text);
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
          session.config.unset(key);
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

function formatValue(value: ConfigValue): string {
  return Array.isArray(value) ? value.join(", ") : String(value);
}
