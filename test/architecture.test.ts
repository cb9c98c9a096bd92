import { readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { packageFile } from "../src/paths.ts";

/** Lowest first: a file imports its own area and those of earlier rows, never a neighbour in its row. */
const rows: readonly (readonly string[])[] = [
  ["src"],
  ["src/chat", "src/identity", "src/models"],
  ["src/safety", "src/privacy", "src/planning", "src/scheduling", "src/verification", "src/ledger"],
  ["src/pipeline", "src/protocol"],
  ["src/client"],
  ["daemon/http"],
  ["daemon/control", "daemon/llama", "daemon/sqlite", "daemon/registry", "daemon/paypal"],
  ["daemon/host", "daemon/orchestrator", "daemon/proxy"],
  ["daemon"],
  ["commands/views"],
  ["commands"],
];

/** Where each third-party package may be imported: a folder, or one file. One that isn't here has no home yet. */
const homes: Readonly<Record<string, readonly string[]>> = {
  "@huggingface/jinja": ["daemon/llama"],
  "@paypal/paypal-server-sdk": ["daemon/paypal"],
  "better-sqlite3": ["daemon/sqlite"],
  commander: ["commands"],
  conf: ["src/config.ts"],
  execa: ["commands"],
  got: ["src/client", "daemon/paypal"],
  ink: ["commands"],
  "ipaddr.js": ["src/client"],
  kysely: ["daemon/sqlite"],
  "libphonenumber-js": ["src/privacy"],
  "node-llama-cpp": ["daemon/llama"],
  pino: ["src/log.ts"],
  react: ["commands"],
  "rotating-file-stream": ["src/log.ts"],
  "spdx-expression-parse": ["src/models"],
  stdnum: ["src/privacy"],
  ws: ["daemon/host", "daemon/orchestrator"],
  // Where bytes come in: frames, HTTP bodies, files, what people type, what a registry or PayPal says.
  zod: [
    "src/bounded-list.ts",
    "src/chat",
    "src/client",
    "src/config.ts",
    "src/identity",
    "src/models",
    "src/protocol",
    "src/safety",
    "src/typed-number.ts",
    "src/typed-refusal.ts",
    "daemon",
    "commands",
  ],
};

interface Source {
  /** From the package root, with slashes. */
  readonly path: string;
  /** Of files of ours. */
  readonly imports: readonly string[];
  /** Of packages, by name. */
  readonly packages: readonly string[];
}

const sources = readSources();

function readSources(): Source[] {
  const root = packageFile("");
  const paths = ["src", "daemon", "commands"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((path) => join(folder, path)),
  );
  return paths.filter((path) => /\.tsx?$/.test(path)).map((path) => readSource(root, path.split(sep).join("/")));
}

/** By the compiler's own scanner, so type imports and `import()` count as any other. */
function readSource(root: string, path: string): Source {
  const { importedFiles } = ts.preProcessFile(readFileSync(join(root, path), "utf8"), true, true);
  const specifiers = importedFiles.map((file) => file.fileName);
  const ours = specifiers.filter((specifier) => specifier.startsWith("."));
  const others = specifiers.filter((specifier) => !specifier.startsWith(".") && !isBuiltin(specifier));
  return {
    path,
    imports: ours.map((specifier) =>
      relative(root, join(root, dirname(path), specifier))
        .split(sep)
        .join("/"),
    ),
    packages: others.map((specifier) =>
      specifier
        .split("/")
        .slice(0, specifier.startsWith("@") ? 2 : 1)
        .join("/"),
    ),
  };
}

/** The longest folder of the table that holds the path. */
function areaOf(path: string): string {
  const areas = rows.flat().filter((area) => path.startsWith(`${area}/`));
  return areas.sort((a, b) => b.length - a.length)[0] ?? `nowhere: ${path}`;
}

function rowOf(area: string): number {
  return rows.findIndex((row) => row.includes(area));
}

function isAllowed(from: string, to: string): boolean {
  const [fromArea, toArea] = [areaOf(from), areaOf(to)];
  if (from.startsWith("commands/") && to.startsWith("daemon/")) return false;
  return fromArea === toArea || rowOf(toArea) < rowOf(fromArea);
}

test("the table of areas knows every file", () => {
  expect(sources.length).toBeGreaterThan(50);
  expect(sources.map(({ path }) => areaOf(path)).filter((area) => area.startsWith("nowhere"))).toEqual([]);
});

test("files import from their own area and from lower ones, and commands never from daemon", () => {
  const wrong = sources.flatMap(({ path, imports }) =>
    imports.filter((target) => !isAllowed(path, target)).map((target) => `${path} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

test("no file imports itself in a circle, types included", () => {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, trail: readonly string[]) => {
    const start = trail.indexOf(path);
    if (start !== -1) circles.push([...trail.slice(start), path].join(" > "));
    if (start !== -1 || done.has(path)) return;
    for (const target of byPath.get(path)?.imports ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const { path } of sources) visit(path, []);
  expect(circles).toEqual([]);
});

test("each third-party package is imported at its home alone", () => {
  const wrong = sources.flatMap(({ path, packages }) =>
    packages
      .filter((name) => !(homes[name] ?? []).some((home) => path === home || path.startsWith(`${home}/`)))
      .map((name) => `${path} imports ${name}`),
  );
  expect(wrong).toEqual([]);
});

test("every import of ours names a file with its extension", () => {
  const wrong = sources.flatMap(({ path, imports }) =>
    imports.filter((target) => !/\.(ts|tsx|json)$/.test(target)).map((target) => `${path} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

test("time limits are those of src/time-limit.ts, which fire", () => {
  const timeout = "AbortSignal.timeout(";
  const wrong = sources.filter(({ path }) => readFileSync(packageFile(path), "utf8").includes(timeout));
  expect(wrong.map(({ path }) => path)).toEqual([]);
});
