import { z } from "zod";
import { type FieldRules, parseFields, takeFields, unsupported } from "./openai-fields.ts";

/** What the safety layer makes of one input: scores in [0, 1] and verdicts, by category of the policy. */
export interface Moderation {
  readonly isFlagged: boolean;
  readonly categories: Readonly<Record<string, { readonly score: number; readonly isFlagged: boolean }>>;
}

/** The categories every answer of OpenAI's has; ones the policy does not know score 0. */
const openaiCategories = [
  "hate",
  "hate/threatening",
  "harassment",
  "harassment/threatening",
  "illicit",
  "illicit/violent",
  "self-harm",
  "self-harm/intent",
  "self-harm/instructions",
  "sexual",
  "sexual/minors",
  "violence",
  "violence/graphic",
] as const;

const inputsMax = 256;
const rules = { input: "supported", model: "supported" } as const satisfies FieldRules;
const modelDefault = "omni-moderation-latest";

/** Reads a body of `/v1/moderations`: one text, several texts, or parts that are all text (taken as one input). */
export function parseModerationRequest(body: unknown): { readonly inputs: readonly string[]; readonly model: string } {
  const fields = takeFields(body, rules);
  const model = parseFields(z.string().max(256), fields.model ?? modelDefault, "model");
  return { inputs: parseInputs(fields.input), model };
}

export function wireModerations(id: string, model: string, moderations: readonly Moderation[]): object {
  return {
    id,
    model,
    results: moderations.map(({ isFlagged, categories }) => {
      const names = [...new Set([...openaiCategories, ...Object.keys(categories)])];
      const table = (value: (name: string) => unknown) => Object.fromEntries(names.map((name) => [name, value(name)]));
      return {
        flagged: isFlagged,
        categories: table((name) => categories[name]?.isFlagged ?? false),
        category_scores: table((name) => categories[name]?.score ?? 0),
        category_applied_input_types: table(() => ["text"]),
      };
    }),
  };
}

function parseInputs(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  const inputs = parseFields(z.array(z.unknown()).min(1).max(inputsMax), value, "input");
  if (typeof inputs[0] === "string") return parseFields(z.array(z.string()), inputs, "input");
  const parts = inputs.map((part, index) => {
    const { type, text } = parseFields(
      z.looseObject({ type: z.string(), text: z.string().optional() }),
      part,
      `input[${index}]`,
    );
    if (type !== "text" || text === undefined) throw unsupported(`input[${index}]`);
    return text;
  });
  return [parts.join("\n")];
}
