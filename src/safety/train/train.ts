import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { packageFile } from "../../paths.ts";
import { encodeWeights } from "../weights.ts";
import { augmentation } from "./augment.ts";
import { calibrate } from "./calibrate.ts";
import { isOutsidePolicy, readCorpus } from "./corpus.ts";
import { fitWeights } from "./fit.ts";
import { reportOf } from "./report.ts";
import { unseenScores } from "./unseen.ts";

/**
 * Trains the triage classifier: `npx tsx src/safety/train/train.ts --data DIR [--seed N]`. Fits once per group of
 * sources without it, to calibrate and to print how each fares unseen, then on everything. Writes
 * `src/safety/triage.weights`: the same bytes for the same data and seed. Takes about a minute.
 */
const { values } = parseArgs({ options: { data: { type: "string" }, seed: { type: "string", default: "7" } } });
if (values.data === undefined) throw new Error("Say where the data is: --data DIR.");
const seed = Number(values.seed);
const corpus = readCorpus(values.data).filter((row) => !isOutsidePolicy(row));
const rows = [...corpus, ...augmentation(seed)];
const unseen = unseenScores(rows, seed);
const weights = calibrate(fitWeights(rows, seed), unseen);
process.stdout.write(`${reportOf(unseen, weights)}\n`);
writeFileSync(packageFile("src/safety/triage.weights"), encodeWeights(weights));
