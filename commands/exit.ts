import { CommanderError } from "commander";
import { errorTable, isPeerError, PeerError, systemFailure } from "../src/errors.ts";
import { oneLine, plainJson, plainText } from "../src/plain-text.ts";

export interface ExitStyle {
  readonly isJson: boolean;
  readonly isDebug: boolean;
}

/**
 * Tells of what ended a command, as CLI.md has it: one line and a hint on standard error, or one JSON document on
 * standard output. Returns the exit code.
 */
export function reportFailure(failure: unknown, style: ExitStyle): number {
  const { code, message, hint = null } = asPeerError(failure);
  if (!style.isJson) noteFailure(failure, style);
  else {
    const error = { code, message: oneLine(message), hint: hint === null ? null : oneLine(hint) };
    process.stdout.write(`${plainJson({ error })}\n`);
    if (style.isDebug) process.stderr.write(describe(failure));
  }
  return errorTable[code].exitCode;
}

/** Tells people of it, and scripts nothing: where the one document is out, and what was asked for is done. */
export function noteFailure(failure: unknown, { isDebug }: Pick<ExitStyle, "isDebug">): void {
  const { message, hint = "" } = asPeerError(failure);
  process.stderr.write(`peerllm: ${oneLine(`${message} ${hint}`)}\n`);
  if (isDebug) process.stderr.write(describe(failure));
}

function asPeerError(failure: unknown): PeerError {
  if (isPeerError(failure)) return failure;
  if (failure instanceof CommanderError) return usageError(failure);
  const refused = systemFailure(failure);
  if (refused !== undefined) return refused;
  const said = failure instanceof Error ? failure.message : String(failure);
  return new PeerError("unexpected", `Something unexpected failed: ${said.split("\n")[0]}`, {
    cause: failure,
    hint: 'Run the command again with --debug for details, or "peerllm doctor" for a check of this machine.',
  });
}

/** Commander says "error: unknown command 'hots'\n(Did you mean host?)". */
function usageError(failure: CommanderError): PeerError {
  if (failure.code === "commander.help") {
    return new PeerError("usage_invalid", "A subcommand is missing.", { hint: "Add --help to see which there are." });
  }
  const [first = "", ...rest] = failure.message.replace(/^error: /, "").split("\n");
  const sentence = `${first.charAt(0).toUpperCase()}${first.slice(1)}`.replace(/[^.?!]$/, "$&.");
  const suggestion = rest.join(" ").replace(/^\(|\)$/g, "");
  return new PeerError("usage_invalid", sentence, {
    cause: failure,
    hint: suggestion === "" ? "Add --help to see how it is used." : suggestion,
  });
}

/** The whole chain of causes, with stacks: for --debug alone. */
function describe(failure: unknown): string {
  if (!(failure instanceof Error)) return `${plainText(String(failure))}\n`;
  const own = `${plainText(failure.stack ?? failure.message)}\n`;
  return failure.cause === undefined ? own : `${own}Caused by: ${describe(failure.cause)}`;
}
