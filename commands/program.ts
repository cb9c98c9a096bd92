import { Command } from "commander";
import { packageVersion } from "../src/paths.ts";
import { addGlobalOptions, commandTree } from "./global-options.ts";
import { networkCommand } from "./network.ts";

/** The whole command line. */
export function createProgram(): Command {
  const program = new Command("peerllm")
    .description("An open network for AI inference on idle computers.")
    .version(packageVersion(), "--version", "print the version")
    .enablePositionalOptions()
    .addHelpText("after", examples);
  program.addCommand(networkCommand());
  addGlobalOptions(program);
  for (const command of commandTree(program)) {
    command
      .exitOverride()
      .showSuggestionAfterError()
      .helpCommand(false)
      .configureOutput({ outputError: () => {} })
      .configureHelp({ helpWidth: Math.min(process.stdout.columns ?? 80, 100) });
  }
  return program;
}

const examples = `
Start here:
  peerllm demo                       the whole network on this machine, in one command
  peerllm account create             an account on a network
  peerllm host up                    serve a model and earn
  peerllm consume --detach           an OpenAI endpoint for any app
  peerllm chat "What is PeerLLM?"    ask at once
`;
