/** One subcommand of `npm run bench` or `npm run chaos`: prints a table, or with `json` exactly one JSON document. */
export interface Subcommand {
  run(args: readonly string[], json: boolean): Promise<void>;
}

export type Subcommands = Readonly<Record<string, () => Promise<Subcommand>>>;

/** Runs the subcommand named first; exit code 2 where there is none of that name, or where it doesn't know an option. */
export async function dispatch(script: string, subcommands: Subcommands, argv: readonly string[]): Promise<void> {
  const json = argv.includes("--json");
  const [name = "", ...args] = argv.filter((argument) => argument !== "--json");
  const load = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
  if (load === undefined) {
    process.stderr.write(`npm run ${script} -- ${Object.keys(subcommands).join("|")} [options] [--json]\n`);
    process.exitCode = 2;
    return;
  }
  const subcommand = await load();
  try {
    await subcommand.run(args, json);
  } catch (error) {
    if (!(error instanceof WrongUsage || isWrongUsage(error))) throw error;
    process.stderr.write(`npm run ${script} -- ${name}: ${error.message}\n`);
    process.exitCode = 2;
  }
}

class WrongUsage extends Error {}

/** An option's value, 1 or more. Anything else is wrong usage. */
export function wholeNumber(option: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new WrongUsage(`${option} wants a whole number of 1 or more, not "${text}"`);
}

/** What `parseArgs` of Node throws. */
function isWrongUsage(error: unknown): error is Error {
  return error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS_");
}
