import type { Tokenizer } from "./tokenizer.ts";

export interface ToolCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, string | number>>;
}

export interface ToolDefinition {
  readonly name: string;
  readonly description: string;
  /** Property name → JSON schema type and description. All are required. */
  readonly properties: Readonly<Record<string, { readonly type: "string" | "number"; readonly description: string }>>;
}

export type Turn =
  | { readonly role: "user" | "assistant" | "tool"; readonly content: string }
  | { readonly role: "assistant"; readonly call: ToolCall };

export interface Conversation {
  /** Left out, the template says `defaultSystem`. */
  readonly system?: string;
  readonly tools?: readonly ToolDefinition[];
  readonly turns: readonly Turn[];
}

export const defaultSystem = "You are a helpful assistant.";

const toolsIntroduction =
  "\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n" +
  "You are provided with function signatures within <tools></tools> XML tags:\n<tools>";
const toolsInstruction =
  "\n</tools>\n\nFor each function call, return a json object with function name and arguments within " +
  '<tool_call></tool_call> XML tags:\n<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>';

/**
 * The jinja of Qwen2.5's wire format (ChatML with tools): same markers, same wording, same places. Only the system
 * message that stands in when there is none is this model's own.
 * Source: the chat template of Qwen2.5-0.5B-Instruct, described in Qwen's documentation under function calling.
 */
export const chatTemplate = [
  "{%- set has_system = messages[0]['role'] == 'system' -%}",
  `{%- set system = messages[0]['content'] if has_system else ${jinjaString(defaultSystem)} -%}`,
  "{{- '<|im_start|>system\\n' + system -}}",
  "{%- if tools -%}",
  `{{- ${jinjaString(toolsIntroduction)} -}}`,
  "{%- for tool in tools -%}{{- '\\n' -}}{{- tool | tojson -}}{%- endfor -%}",
  `{{- ${jinjaString(toolsInstruction)} -}}`,
  "{%- endif -%}",
  "{{- '<|im_end|>\\n' -}}",
  "{%- for message in messages -%}",
  "{%- if message.role == 'tool' -%}",
  "{%- if loop.first or messages[loop.index0 - 1].role != 'tool' -%}{{- '<|im_start|>user' -}}{%- endif -%}",
  "{{- '\\n<tool_response>\\n' + message.content + '\\n</tool_response>' -}}",
  "{%- if loop.last or messages[loop.index0 + 1].role != 'tool' -%}{{- '<|im_end|>\\n' -}}{%- endif -%}",
  "{%- elif message.role == 'assistant' and message.tool_calls -%}",
  "{{- '<|im_start|>assistant' -}}",
  "{%- if message.content -%}{{- '\\n' + message.content -}}{%- endif -%}",
  "{%- for tool_call in message.tool_calls -%}",
  "{%- if tool_call.function is defined -%}{%- set tool_call = tool_call.function -%}{%- endif -%}",
  `{{- '\\n<tool_call>\\n{"name": "' + tool_call.name + '", "arguments": ' -}}`,
  "{%- if tool_call.arguments is string -%}{{- tool_call.arguments -}}{%- else -%}{{- tool_call.arguments | tojson -}}{%- endif -%}",
  "{{- '}\\n</tool_call>' -}}",
  "{%- endfor -%}",
  "{{- '<|im_end|>\\n' -}}",
  "{%- elif not (loop.first and has_system) -%}",
  "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' -}}",
  "{%- endif -%}",
  "{%- endfor -%}",
  "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}",
].join("");

function jinjaString(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n")}'`;
}

/** The OpenAI form of a tool, as a request carries it and the template prints it. */
export function toolJson(tool: ToolDefinition): object {
  return {
    type: "function",
    function: {
      name: tool.name,
      description: tool.description,
      parameters: { type: "object", properties: tool.properties, required: Object.keys(tool.properties) },
    },
  };
}

/** What the model writes to call a tool. */
export function toolCallText(call: ToolCall): string {
  return `<tool_call>\n{"name": ${JSON.stringify(call.name)}, "arguments": ${spacedJson(call.arguments)}}\n</tool_call>`;
}

/** JSON with a space after `:` and `,`, as Python and jinja's `tojson` print it. */
export function spacedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spacedJson).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${spacedJson(member)}`);
    return `{${members.join(", ")}}`;
  }
  return JSON.stringify(value);
}

/** One token of a training row; `isTarget` where the model is to predict it. */
export interface TrainingToken {
  readonly id: number;
  readonly isTarget: boolean;
}

/** A conversation as the template renders it, ids and targets: every assistant turn and the marker that ends it. */
export function trainingTokens(conversation: Conversation, tokenizer: Tokenizer): TrainingToken[] {
  const out: TrainingToken[] = [];
  const start = tokenizer.special("<|im_start|>");
  const end = tokenizer.special("<|im_end|>");
  const push = (ids: readonly number[], isTarget: boolean): void => {
    for (const id of ids) out.push({ id, isTarget });
  };
  const turn = (role: string, content: string): void => {
    push([start], false);
    push(tokenizer.encode(`${role}\n`), false);
    push(encodeMarked(content, tokenizer), role === "assistant");
    push([end], role === "assistant");
    push(tokenizer.encode("\n"), false);
  };
  turn("system", systemText(conversation));
  for (const [role, content] of renderedTurns(conversation.turns)) turn(role, content);
  return out;
}

/** A conversation that ends with the user or a tool, and the beginning of the answer: what the model is given. */
export function promptTokens(conversation: Conversation, tokenizer: Tokenizer): number[] {
  const before = trainingTokens(conversation, tokenizer).map(({ id }) => id);
  return [...before, tokenizer.special("<|im_start|>"), ...tokenizer.encode("assistant\n")];
}

function systemText(conversation: Conversation): string {
  const system = conversation.system ?? defaultSystem;
  const tools = conversation.tools ?? [];
  if (tools.length === 0) return system;
  return (
    system + toolsIntroduction + tools.map((tool) => `\n${spacedJson(toolJson(tool))}`).join("") + toolsInstruction
  );
}

function renderedTurns(turns: readonly Turn[]): [string, string][] {
  return turns.map((turn) => {
    if ("call" in turn) return ["assistant", toolCallText(turn.call)];
    if (turn.role === "tool") return ["user", `<tool_response>\n${turn.content}\n</tool_response>`];
    return [turn.role, turn.content];
  });
}

/** The two tool markers are single tokens wherever they stand, as user-defined tokens are in llama.cpp. */
function encodeMarked(text: string, tokenizer: Tokenizer): number[] {
  return text.split(/(<\/?tool_call>)/).flatMap((part) => {
    if (part === "<tool_call>" || part === "</tool_call>") return [tokenizer.special(part)];
    return tokenizer.encode(part);
  });
}
