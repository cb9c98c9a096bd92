import type * as z from "zod";
import { PeerError } from "../errors.ts";

/**
 * What becomes of one field of OpenAI's request: "supported" ones are read; a "hint" never changes the answer and is
 * let through unread; a function says which values are neutral, all others are refused. `null` is always neutral.
 */
export type FieldRule = "supported" | "hint" | ((value: unknown) => boolean);

export type FieldRules = Readonly<Record<string, FieldRule>>;

export const refused: FieldRule = () => false;

export function only(...values: readonly unknown[]): FieldRule {
  return (value) => values.includes(value);
}

/** Neutral where it says nothing: `[]`, `{}` or "". */
export const empty: FieldRule = (value) =>
  value === "" ||
  (Array.isArray(value) && value.length === 0) ||
  (typeof value === "object" && value !== null && Object.keys(value).length === 0);

/**
 * The supported fields of `body` that are not null. Nothing is dropped in silence: throws `parameter_unsupported`,
 * naming the field in `parameter`, for a field without a rule and for a value its rule does not let through.
 */
export function takeFields(body: unknown, rules: FieldRules, path = ""): Record<string, unknown> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new PeerError(
      "request_invalid",
      path === "" ? "The body must be a JSON object." : `Invalid type for '${path}': expected an object.`,
      path === "" ? {} : { parameter: path },
    );
  }
  const taken: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(body)) {
    if (value === null || value === undefined) continue;
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    const field = path === "" ? name.slice(0, 64) : `${path}.${name.slice(0, 64)}`;
    if (rule === undefined) throw unsupported(field, `Unrecognized request argument supplied: ${field}.`);
    if (rule === "supported") taken[name] = value;
    else if (rule !== "hint" && !rule(value)) throw unsupported(field);
  }
  return taken;
}

export function unsupported(field: string, message?: string): PeerError {
  return new PeerError(
    "parameter_unsupported",
    message ?? `Unsupported parameter: '${field}' with this value would change the answer and is not supported here.`,
    { parameter: field },
  );
}

/** Reads `value` by `schema`; throws `request_invalid` in OpenAI's words, without repeating text that was sent. */
export function parseFields<Schema extends z.ZodType>(schema: Schema, value: unknown, path = ""): z.output<Schema> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue === undefined) throw new PeerError("request_invalid", "The body is not valid.");
  const field = fieldName(path, issue.path);
  throw new PeerError("request_invalid", describeIssue(issue, field), field === "" ? {} : { parameter: field });
}

function fieldName(prefix: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((name, key) => {
    if (typeof key === "number") return `${name}[${key}]`;
    return name === "" ? String(key) : `${name}.${String(key)}`;
  }, prefix);
}

function describeIssue(issue: z.core.$ZodIssue, field: string): string {
  const got = "input" in issue ? issue.input : undefined;
  switch (issue.code) {
    case "invalid_type":
      if (got === undefined) return `Missing required parameter: '${field}'.`;
      return `Invalid type for '${field}': expected ${article(issue.expected)}, but got ${article(typeName(got))} instead.`;
    case "too_big":
      return isNumeric(issue.origin)
        ? `Invalid '${field}': number above maximum value. Expected a value <= ${issue.maximum}, but got ${String(got)} instead.`
        : `Invalid '${field}': ${issue.origin} too long. Expected maximum length ${issue.maximum}.`;
    case "too_small":
      return isNumeric(issue.origin)
        ? `Invalid '${field}': number below minimum value. Expected a value >${issue.inclusive === false ? "" : "="} ${issue.minimum}, but got ${String(got)} instead.`
        : `Invalid '${field}': ${issue.origin} too short. Expected minimum length ${issue.minimum}.`;
    case "invalid_value":
      return `Invalid value for '${field}'. Supported values are: ${issue.values.map((value) => `'${String(value)}'`).join(", ")}.`;
    default:
      return `Invalid '${field}': ${issue.message}.`;
  }
}

function isNumeric(origin: string): boolean {
  return origin === "number" || origin === "int";
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value === "number" && !Number.isInteger(value) ? "decimal" : typeof value;
}

function article(type: string): string {
  const name = type === "int" ? "integer" : type;
  return `${/^[aeiou]/.test(name) ? "an" : "a"} ${name}`;
}
