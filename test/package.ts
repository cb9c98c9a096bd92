import { strict as assert } from "node:assert";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { execa, type Options } from "execa";
import * as z from "zod";
import { packageFile } from "../src/paths.ts";

/*
 * `npm run test:package`: packs the package, installs the tarball globally into an empty prefix, as a stranger would,
 * and runs it from an empty home. Native modules are built once more for it, so this is no part of `npm test`.
 */
const bytesMax = 10_000_000;
const allowed =
  /^(dist\/([^/]+\.js|THIRD-PARTY-LICENSES\.txt)|src\/.+\.(gguf|weights|md)|package\.json|(README|SECURITY)\.md|LICENSE)$/;
const needed = [
  "dist/peerllm.js",
  "dist/daemon.js",
  "dist/engine.js",
  "dist/THIRD-PARTY-LICENSES.txt",
  "src/models/demo/demo.gguf",
  "src/privacy/tagger.weights",
  "src/safety/triage.weights",
];
const demoSchema = z.looseObject({
  answer: z.string().min(1),
  hosts: z.array(z.looseObject({ id: z.string() })).min(2),
});
const work = await mkdtemp(join(tmpdir(), "peerllm-package-"));

try {
  const tarball = await pack(join(work, "tarball"));
  const prefix = join(work, "prefix");
  await install(tarball, prefix);
  await checkFiles(join(prefix, "lib", "node_modules", "peerllm"));
  await checkRuns(join(prefix, "bin", "peerllm"), join(work, "home"));
} finally {
  await rm(work, { recursive: true, force: true });
}

async function pack(folder: string): Promise<string> {
  await mkdir(folder);
  await run("npm", ["pack", "--pack-destination", folder], { cwd: packageFile("") });
  const [name = ""] = await readdir(folder);
  const { size } = await stat(join(folder, name));
  assert(size < bytesMax, `The tarball has ${size} bytes, which is more than ${bytesMax}.`);
  console.error(`${name}: ${size} bytes.`);
  return join(folder, name);
}

/** With the user's own settings of npm (cache, registry, headers of Node), but for the place. */
async function install(tarball: string, prefix: string): Promise<void> {
  await mkdir(prefix);
  const { all } = await run("npm", ["install", "--global", "--prefix", prefix, tarball], { cwd: prefix, all: true });
  assert(!String(all).includes("EBADENGINE"), `A dependency doesn't support ${process.version}.`);
}

/** Nothing that only tests or training need, nothing missing, and no link of its pages that leads nowhere. */
async function checkFiles(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((file) => !file.startsWith("node_modules/"));
  assert.deepEqual(
    files.filter((file) => !allowed.test(file)),
    [],
    "Files that nobody needs to run it.",
  );
  assert.deepEqual(
    needed.filter((file) => !files.includes(file)),
    [],
    "Files that are missing.",
  );
  for (const page of files.filter((file) => file.endsWith(".md"))) {
    const text = await readFile(join(folder, page), "utf8");
    const links = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(([, link = ""]) => link);
    const lost = links.filter((link) => !existsSync(join(folder, page, "..", link)));
    assert.deepEqual(lost, [], `Links of ${page} that lead nowhere in the package.`);
  }
  console.error(`${files.length} files, none too many, none missing.`);
}

async function checkRuns(bin: string, home: string): Promise<void> {
  await mkdir(home);
  const empty = { cwd: home, extendEnv: false, env: { PATH: process.env.PATH ?? "", HOME: home, NO_COLOR: "1" } };
  const { version } = z
    .looseObject({ version: z.string() })
    .parse(JSON.parse(await readFile(packageFile("package.json"), "utf8")));
  const told = await run(bin, ["--version"], empty);
  assert.equal(String(told.stdout).trim(), version);
  const demo = await run(bin, ["demo", "--json"], empty);
  const { hosts } = demoSchema.parse(JSON.parse(String(demo.stdout)));
  assert.deepEqual(await readdir(home), [], "Files the demo left in the home.");
  console.error(`peerllm ${version} runs from an empty home: its demo was answered by ${hosts.length} hosts.`);
}

/** Throws, with all that was said, where it ends with another code than 0. */
function run(file: string, words: readonly string[], options: Options) {
  console.error(`$ ${[file, ...words].join(" ")}`);
  return execa(file, words, options);
}
