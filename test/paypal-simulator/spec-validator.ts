import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import formats from "ajv-formats";
import { packageFile } from "../../src/paths.ts";

/** What PayPal's OpenAPI files say of a call; each problem is a line, none where they say nothing. */
export interface SpecValidator {
  request(method: string, path: string, body: unknown): string[];
  response(method: string, path: string, status: number, body: unknown): string[];
}

interface Operation {
  readonly method: string;
  readonly pattern: RegExp;
  /** JSON pointer of the operation within its file. */
  readonly pointer: string;
  readonly file: string;
}

export const specFolder = packageFile("../shared/paypal/specs");

let opened: SpecValidator | null = null;

/** Checks against PayPal's own files in `../shared/paypal/specs`; null where they are not at hand. */
export function openSpecs(): SpecValidator | null {
  if (!existsSync(specFolder)) return null;
  // Compiling them takes seconds, so all simulators of a process share them.
  opened ??= compileSpecs();
  return opened;
}

function compileSpecs(): SpecValidator {
  const ajv = new Ajv({ strict: false, unicodeRegExp: false, allErrors: true, logger: false });
  formats.default(ajv);
  const operations: Operation[] = [];
  for (const file of readdirSync(specFolder).filter((name) => name.endsWith(".json"))) {
    const spec = JSON.parse(readFileSync(join(specFolder, file), "utf8"));
    ajv.addSchema(spec, file);
    operations.push(...operationsOf(spec, file));
  }

  function check(pointer: string, file: string, body: unknown): string[] {
    const validate = ajv.getSchema(`${file}#${pointer}`);
    if (validate === undefined || validate(body) === true) return [];
    return (validate.errors ?? []).map((error) => `${file} ${error.instancePath} ${error.message}`);
  }

  function find(method: string, path: string): Operation | undefined {
    return operations.find((operation) => operation.method === method && operation.pattern.test(path));
  }

  return {
    request: (method, path, body) => {
      const operation = find(method, path);
      if (operation === undefined || body === undefined) return [];
      return check(`${operation.pointer}/requestBody/content/application~1json/schema`, operation.file, body);
    },
    response: (method, path, status, body) => {
      const operation = find(method, path);
      if (operation === undefined || body === undefined || status >= 400) return [];
      const pointer = `${operation.pointer}/responses/${status}/content/application~1json/schema`;
      return check(pointer, operation.file, body);
    },
  };
}

interface Spec {
  readonly servers?: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

function operationsOf(spec: Spec, file: string): Operation[] {
  const prefix = new URL(spec.servers?.[0]?.url ?? "https://api-m.paypal.com").pathname.replace(/\/$/, "");
  return Object.entries(spec.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => ({
      method: method.toUpperCase(),
      pattern: new RegExp(`^${prefix}${path.replace(/\{[^}]+\}/g, "[^/]+")}$`),
      pointer: `/paths/${path.replaceAll("/", "~1").replace(/[{}]/g, encodeURIComponent)}/${method}`,
      file,
    })),
  );
}
