import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type Options } from "tsup";

const outDir = "dist";

type Plugin = NonNullable<Options["esbuildPlugins"]>[number];

/** Writes the terms of every library that went into the bundle: they ask to be handed on with it. */
const licenses: Plugin = {
  name: "licenses",
  setup(build) {
    build.initialOptions.metafile = true;
    build.onEnd(({ metafile }) => {
      const files = Object.keys(metafile?.inputs ?? {});
      const folders = files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []);
      const terms = [...new Set(folders)].sort().map(termsOf);
      mkdirSync(outDir, { recursive: true });
      writeFileSync(join(outDir, "THIRD-PARTY-LICENSES.txt"), terms.join(`\n${"-".repeat(80)}\n\n`));
    });
  },
};

/** Some packages bring no text: their name, licence and source have to do. */
function termsOf(folder: string): string {
  const { name, version, license, repository } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const source = repository?.url ?? repository ?? "";
  const texts = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|notice)/i.test(file))
    .map((file) => readFileSync(join(folder, file), "utf8").trim());
  return `${[`${name} ${version} (${license})\n${source}`.trim(), ...texts].join("\n\n")}\n`;
}

/**
 * What runs is bundled with the libraries it needs: a command starts in half the time. Those that can't be (native
 * modules, files found at run time) or that few commands need stay outside: package.json's `dependencies`.
 */
export default defineConfig({
  entry: {
    peerllm: "commands/main.ts",
    daemon: "daemon/main.ts",
    engine: "daemon/llama/child.ts",
  },
  format: "esm",
  platform: "node",
  target: "node20",
  outDir,
  splitting: true,
  dts: false,
  // React's for production, and Ink without its inspector, which is not installed.
  env: { NODE_ENV: "production", DEV: "false" },
  external: ["react-devtools-core"],
  esbuildPlugins: [licenses],
  banner: {
    // CommonJS libraries ask for Node's own modules with it.
    js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
  },
});
