import * as z from "zod";
import { boundedList } from "../bounded-list.ts";
import { PeerError } from "../errors.ts";
import { type FieldRules, parseFields, takeFields, unsupported } from "./openai-fields.ts";

/** One result of `/v1/moderations`, in OpenAI's form; scores are in [0, 1]. */
export interface Moderation {
  readonly flagged: boolean;
  readonly categories: Readonly<Record<string, boolean>>;
  readonly category_scores: Readonly<Record<string, number>>;
  readonly category_applied_input_types: Readonly<Record<string, readonly "text"[]>>;
}

const inputsMax = 256;
/** Of all inputs together. */
const lengthMax = 200_000;
const rules = { input: "supported", model: "supported" } as const satisfies FieldRules;
const textsSchema = boundedList(z.string(), { min: 1, max: inputsMax });
const partsSchema = boundedList(z.looseObject({ type: z.string(), text: z.string().optional() }), {
  min: 1,
  max: inputsMax,
});
const modelDefault = "omni-moderation-latest";

/** Reads a body of `/v1/moderations`: one text, several texts, or parts that are all text (taken as one input). */
export function parseModerationRequest(body: unknown): { readonly inputs: readonly string[]; readonly model: string } {
  const fields = takeFields(body, rules);
  const model = parseFields(z.string().max(256), fields.model ?? modelDefault, "model");
  const inputs = parseInputs(fields.input);
  if (inputs.reduce((sum, input) => sum + input.length, 0) > lengthMax) {
    throw new PeerError(
      "request_invalid",
      `Invalid 'input': too long. At most ${lengthMax} characters are judged at once.`,
      {
        parameter: "input",
      },
    );
  }
  return { inputs, model };
}

export function wireModerations(id: string, model: string, results: readonly Moderation[]): object {
  return { id, model, results };
}

function parseInputs(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value) && typeof value[0] === "string") return parseFields(textsSchema, value, "input");
  const parts = parseFields(partsSchema, value, "input").map(({ type, text }, index) => {
    if (type !== "text" || text === undefined) throw unsupported(`input[${index}]`);
    return text;
  });
  return [parts.join("\n")];
}
