import { type Command, Option } from "commander";

const globalOptions = [
  ["--home <dir>", "folder that holds all state of this instance"],
  ["--network <url>", "the network's orchestrator"],
  ["--json", "print one JSON document"],
  ["--yes", "never ask"],
  ["--debug", "show details of failures"],
] as const;

const globalNames: ReadonlySet<string> = new Set(["home", "network", "json", "yes", "debug"]);

export function isGlobalOption(name: string): boolean {
  return globalNames.has(name);
}

/**
 * Gives every command of the tree the global options, and every option its environment variable: PEERLLM_ and its
 * name. A flag is set by "1", "true" or "yes" in the environment, and by nothing else.
 */
export function addGlobalOptions(root: Command): void {
  for (const command of commandTree(root)) {
    for (const [flags, description] of globalOptions) {
      const option = new Option(flags, description);
      // Only in the help of the root, so that a command's own options are what its help shows.
      command.addOption(command === root ? option : option.hideHelp());
    }
    for (const option of command.options) bindEnvironment(option);
    if (command !== root) {
      command.addHelpText(
        "after",
        "\nGlobal options: --home DIR, --network URL, --json, --yes, --debug (see peerllm --help).",
      );
    }
  }
}

export function* commandTree(root: Command): Generator<Command> {
  yield root;
  for (const child of root.commands) yield* commandTree(child);
}

function bindEnvironment(option: Option): void {
  const name = option.long?.replace(/^--(no-)?/, "");
  if (name === undefined || name === "version" || name === "help" || option.negate) return;
  const variable = `PEERLLM_${name.replaceAll("-", "_").toUpperCase()}`;
  const value = process.env[variable];
  const isSet = option.isBoolean() ? /^(1|true|yes)$/i.test(value ?? "") : value !== undefined && value !== "";
  if (isSet) option.env(variable);
}
