#!/usr/bin/env node
import { CommanderError } from "commander";
import { errorTable, isPeerError } from "../src/errors.ts";
import { reportFailure } from "./exit.ts";
import { createProgram } from "./program.ts";

const words = process.argv.slice(2);
const style = {
  isJson: words.includes("--json") || /^(1|true|yes)$/i.test(process.env.PEERLLM_JSON ?? ""),
  isDebug: words.includes("--debug") || /^(1|true|yes)$/i.test(process.env.PEERLLM_DEBUG ?? ""),
};

// Whoever reads our output may stop reading: `peerllm models | head -1`. The command is told by its session, and cleans
// up; what failed by then has failed all the same.
let isOutputLost = false;
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  const isTold = isOutputLost || error.code === "EPIPE";
  isOutputLost = true;
  if (!isTold) process.exitCode = reportFailure(error, { ...style, isJson: false });
});
// And where nobody hears what else there is to say, there is nobody to tell that either.
process.stderr.on("error", () => {});

try {
  const program = await createProgram(words);
  if (words.length === 0) program.outputHelp();
  else await program.parseAsync();
} catch (error) {
  // It stopped because its output was lost, which was told where there was somebody to tell.
  const isStopped = isOutputLost && isPeerError(error, "cancelled");
  if (!isStopped) process.exitCode = exitCodeOf(error);
}

/** Help and version end the parse as errors with exit code 0; a group without a subcommand shows its help on stderr. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  const isHelped = error instanceof CommanderError && error.code === "commander.help" && !style.isJson;
  return isHelped ? errorTable.usage_invalid.exitCode : reportFailure(error, style);
}
