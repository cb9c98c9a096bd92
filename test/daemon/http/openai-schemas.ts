import { existsSync, readFileSync } from "node:fs";
import { Ajv, type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";

const path = "../shared/openai/openai-subset.openapi.json";

export const hasOpenAiSchemas = existsSync(path);

/** Validators for OpenAI's own schemas (OpenAPI 3.1), by name. */
export function openAiValidators(): (schema: string) => ValidateFunction {
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addFormat("unixtime", true);
  const { components } = JSON.parse(readFileSync(path, "utf8"));
  ajv.addSchema({ $id: "openai", components: withNullable(components) });
  return (schema) => ajv.compile({ $ref: `openai#/components/schemas/${schema}` });
}

/** The specification still says `nullable`, which JSON Schema does not know: written as one more alternative. */
function withNullable(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withNullable);
  if (typeof schema !== "object" || schema === null) return schema;
  const { nullable, ...rest } = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, withNullable(value)]),
  );
  return nullable === true ? { anyOf: [rest, { type: "null" }] } : rest;
}
