import { Command } from "commander";
import { packageVersion } from "../src/paths.ts";
import { addGlobalOptions, commandTree } from "./global-options.ts";

/** The commands in the order of the help. Each is loaded when it is wanted: half of a short command's time is loading. */
const commands: Readonly<Record<string, (program: Command) => Promise<Command>>> = {
  demo: async () => (await import("./demo.ts")).demoCommand(),
  consume: async () => (await import("./consume.ts")).consumeCommand(),
  chat: async () => (await import("./chat.ts")).chatCommand(),
  models: async () => (await import("./models.ts")).modelsCommand(),
  plan: async () => (await import("./plan.ts")).planCommand(),
  receipts: async () => (await import("./receipts.ts")).receiptsCommand(),
  billing: async () => (await import("./billing.ts")).billingCommand(),
  earnings: async () => (await import("./earnings.ts")).earningsCommand(),
  payout: async () => (await import("./payout.ts")).payoutCommand(),
  host: async () => (await import("./host.ts")).hostCommand(),
  producer: async () => (await import("./producer.ts")).producerCommand(),
  account: async () => (await import("./account.ts")).accountCommand(),
  network: async () => (await import("./network.ts")).networkCommand(),
  doctor: async () => (await import("./doctor.ts")).doctorCommand(),
  config: async () => (await import("./config.ts")).configCommand(),
  completion: async (program) => (await import("./completion.ts")).completionCommand(() => program),
};

/** The command line for these words: the command they begin with alone, or, where they begin otherwise, all of it. */
export async function createProgram(words: readonly string[]): Promise<Command> {
  const program = new Command("peerllm")
    .description("An open network for AI inference on idle computers.")
    .version(packageVersion(), "--version", "print the version")
    .enablePositionalOptions()
    .addHelpText("after", examples);
  const first = words[0] ?? "";
  const isOneEnough = first !== "completion" && Object.hasOwn(commands, first);
  for (const [name, load] of Object.entries(commands)) {
    if (!isOneEnough || name === first) program.addCommand(await load(program));
  }
  addGlobalOptions(program);
  for (const command of commandTree(program)) {
    command
      .exitOverride()
      .showSuggestionAfterError()
      .helpCommand(false)
      .configureOutput({ outputError: () => {} })
      .configureHelp({ subcommandTerm, helpWidth: Math.min(process.stdout.columns ?? 80, 100) });
  }
  return program;
}

/** "credit <account> <usd>": that there are options goes without saying. */
function subcommandTerm(command: Command): string {
  const args = command.registeredArguments.map((argument) => {
    const name = argument.variadic ? `${argument.name()}...` : argument.name();
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [command.name(), ...args].join(" ");
}

const examples = `
Start here:
  peerllm demo                       the whole network on this machine, in one command
  peerllm account create             an account on a network
  peerllm host up                    serve a model and earn
  peerllm consume --detach           an OpenAI endpoint for any app
  peerllm chat "What is PeerLLM?"    ask at once
`;
