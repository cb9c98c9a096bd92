#!/usr/bin/env node
import { CommanderError } from "commander";
import { errorTable } from "../src/errors.ts";
import { reportFailure } from "./exit.ts";
import { createProgram } from "./program.ts";

// Whoever reads our output may stop reading: `peerllm models | head -1`. What failed by then has failed all the same.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  process.exit(reportFailure(error, { isJson: false, isDebug: style.isDebug }));
});
// And where nobody hears what else there is to say, there is nobody to tell that either.
process.stderr.on("error", () => {});

const words = process.argv.slice(2);
const style = {
  isJson: words.includes("--json") || /^(1|true|yes)$/i.test(process.env.PEERLLM_JSON ?? ""),
  isDebug: words.includes("--debug") || /^(1|true|yes)$/i.test(process.env.PEERLLM_DEBUG ?? ""),
};

try {
  const program = await createProgram(words);
  if (words.length === 0) program.outputHelp();
  else await program.parseAsync();
} catch (error) {
  // Help and version end the parse as errors with exit code 0; a group without a subcommand shows its help on stderr.
  const isAnswered = error instanceof CommanderError && error.exitCode === 0;
  const isHelped = error instanceof CommanderError && error.code === "commander.help" && !style.isJson;
  process.exitCode = isAnswered ? 0 : isHelped ? errorTable.usage_invalid.exitCode : reportFailure(error, style);
}
