import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { packageFile } from "../../paths.ts";
import { encodeWeights } from "../weights.ts";
import { isOutsidePolicy, readCorpus } from "./corpus.ts";
import { fit } from "./fit.ts";

/**
 * Trains the triage classifier: `npx tsx src/safety/train/train.ts --data DIR [--seed N]`. Writes
 * `src/safety/triage.weights`, the same bytes for the same data and seed.
 */
const { values } = parseArgs({ options: { data: { type: "string" }, seed: { type: "string", default: "7" } } });
if (values.data === undefined) throw new Error("Say where the data is: --data DIR.");
const rows = readCorpus(values.data).filter((row) => !isOutsidePolicy(row));
const weights = fit(rows, { seed: Number(values.seed), weightOf: () => 1 });
writeFileSync(packageFile("src/safety/triage.weights"), encodeWeights(weights));
