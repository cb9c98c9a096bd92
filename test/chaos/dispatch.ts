import { parseArgs } from "node:util";
import { simulateDispatch } from "../worlds/dispatch-simulation.ts";

export interface DispatchResult {
  readonly schedules: number;
  readonly requests: number;
  readonly answered: number;
  readonly failed: number;
  readonly hungUp: number;
  readonly failovers: number;
  readonly lostWithStatement: number;
  /** Seeds whose schedule broke a rule, with what it broke; run one again with --seed. */
  readonly failing: readonly { readonly seed: number; readonly problems: readonly string[] }[];
}

/** `npm run chaos -- dispatch [--seed N] [--schedules N]`: exit code 1 where a schedule broke a rule. */
export async function run(args: readonly string[], json: boolean): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { seed: { type: "string", default: "1" }, schedules: { type: "string", default: "3000" } },
  });
  const result = await simulateSchedules(Number(values.seed), Number(values.schedules));
  if (result.failing.length > 0) process.exitCode = 1;
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : describeResult(result));
}

/** Schedules of the seeds `firstSeed`, `firstSeed + 1` and so on. */
export async function simulateSchedules(firstSeed: number, schedules: number): Promise<DispatchResult> {
  const sums = { requests: 0, answered: 0, failed: 0, hungUp: 0, failovers: 0, lostWithStatement: 0 };
  const failing: { seed: number; problems: readonly string[] }[] = [];
  for (let seed = firstSeed; seed < firstSeed + schedules; seed += 1) {
    const { problems, ...counts } = await simulateDispatch(seed);
    sums.requests += counts.requests;
    sums.answered += counts.answered;
    sums.failed += counts.failed;
    sums.hungUp += counts.hungUp;
    sums.failovers += counts.failovers;
    sums.lostWithStatement += counts.lostWithStatement;
    if (problems.length > 0) failing.push({ seed, problems });
  }
  return { schedules, ...sums, failing };
}

function describeResult(result: DispatchResult): string {
  const { schedules, requests, answered, failed, hungUp, failovers, lostWithStatement, failing } = result;
  const lines = [
    `${schedules} schedules, ${requests} requests: ${answered} answered, ${failed} failed, ${hungUp} hung up; ${failovers} failovers, ${lostWithStatement} of hosts that gave up and said what they delivered.`,
    ...failing.map(({ seed, problems }) => `seed ${seed}: ${problems.join("; ")}`),
    failing.length === 0 ? "Every rule held." : `${failing.length} schedules broke a rule.`,
  ];
  return `${lines.join("\n")}\n`;
}
