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
    // The root's --version prints and ends; those of subcommands are options like any other.
    const options = command === root ? command.options.filter(isKnownGlobal) : command.options;
    for (const option of options) takeFromEnvironment(command, option);
    if (command !== root) {
      command.addHelpText("after", "\nGlobal options: --home, --network, --json, --yes, --debug (see peerllm --help).");
    }
  }
}

function isKnownGlobal(option: Option): boolean {
  return isGlobalOption(option.attributeName());
}

export function* commandTree(root: Command): Generator<Command> {
  yield root;
  for (const child of root.commands) yield* commandTree(child);
}

/** Flags override it, and commander's own checks count it as given. */
function takeFromEnvironment(command: Command, option: Option): void {
  const value = environmentValue(option);
  // What a list gets from flags would be added to it, so lists are read once the flags are known.
  if (value === undefined || option.variadic) return;
  command.setOptionValueWithSource(option.attributeName(), value, "env");
}

/** PEERLLM_ALLOW_ORIGIN, for --allow-origin. */
export function environmentName(option: Option): string {
  return `PEERLLM_${option.name().replaceAll("-", "_").toUpperCase()}`;
}

/** What the environment says of an option; lists are separated by commas. */
export function environmentValue(option: Option): string | true | readonly string[] | undefined {
  if (option.name() === "help" || option.negate) return undefined;
  const text = process.env[environmentName(option)];
  if (text === undefined || text === "") return undefined;
  if (option.isBoolean()) return /^(1|true|yes)$/i.test(text) ? true : undefined;
  return option.variadic ? text.split(",").map((word) => word.trim()) : text;
}
