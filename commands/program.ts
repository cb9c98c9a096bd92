import { Command } from "commander";
import { packageVersion } from "../src/paths.ts";
import { accountCommand } from "./account.ts";
import { billingCommand } from "./billing.ts";
import { chatCommand } from "./chat.ts";
import { completionCommand } from "./completion.ts";
import { configCommand } from "./config.ts";
import { consumeCommand } from "./consume.ts";
import { demoCommand } from "./demo.ts";
import { doctorCommand } from "./doctor.ts";
import { earningsCommand } from "./earnings.ts";
import { addGlobalOptions, commandTree } from "./global-options.ts";
import { hostCommand } from "./host.ts";
import { modelsCommand } from "./models.ts";
import { networkCommand } from "./network.ts";
import { payoutCommand } from "./payout.ts";
import { planCommand } from "./plan.ts";
import { producerCommand } from "./producer.ts";
import { receiptsCommand } from "./receipts.ts";

/** The whole command line. */
export function createProgram(): Command {
  const program = new Command("peerllm")
    .description("An open network for AI inference on idle computers.")
    .version(packageVersion(), "--version", "print the version")
    .enablePositionalOptions()
    .addHelpText("after", examples);
  program.addCommand(demoCommand());
  program.addCommand(consumeCommand());
  program.addCommand(chatCommand());
  program.addCommand(modelsCommand());
  program.addCommand(planCommand());
  program.addCommand(receiptsCommand());
  program.addCommand(billingCommand());
  program.addCommand(earningsCommand());
  program.addCommand(payoutCommand());
  program.addCommand(hostCommand());
  program.addCommand(producerCommand());
  program.addCommand(accountCommand());
  program.addCommand(networkCommand());
  program.addCommand(doctorCommand());
  program.addCommand(configCommand());
  program.addCommand(completionCommand(() => program));
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
