import type { Message, Prompt } from "../chat/message.ts";
import type { Plan, Subtask } from "./plan.ts";
import type { Request } from "./request.ts";

const instructionWordsMax = 80;
/** A reduction reads at most this many partial answers; more are reduced in layers. */
const fanInMax = 8;
const chunksMax = 64;
/** Share of a subtask's tokens that the text may fill; the rest is for the instruction and the answer. */
const textShare = 0.7;

/** Questions that a text answers piece by piece. */
const reducible =
  /\b(?:summari[sz]e|summary|tl;?dr|key (?:points|takeaways|facts|ideas)|main (?:points|ideas?|arguments?|topics?|characters?|themes?)|list|find|extract|identify|what|who|when|where|which|how|why|does|do|is|are|did|was|were|mention\w*|describe|explain|outline|gist|highlights?|conclusions?|count)\b/i;
/** What must see the text whole: its exact words, its order, or its form. */
const indivisible =
  /\b(?:rewrite|translate|proofread|edit|correct|fix|refactor|debug|continue|complete|format|convert|rhyme|word for word|verbatim|code|function|bug|style|tone|plot hole|contradict\w*|consisten\w*|improve|json|poem|lyrics)\b/i;

/** One question over a text longer than a subtask's budget: chunks alone, then partial answers alone. */
export function chunkPlan(request: Request): Plan | undefined {
  const { options } = request;
  const overhead = options.countTokens(request.context.map((message) => message.content).join("\n"));
  if (options.countTokens(request.text) + overhead <= options.subtaskTokensMax) return undefined;
  const parts = instructionOf(request.text);
  if (parts === undefined) return undefined;
  const budget = Math.floor((options.subtaskTokensMax - overhead - options.countTokens(parts.instruction)) * textShare);
  const chunks = budget < 32 ? [] : chunksOf(parts.text, budget, options.countTokens);
  if (chunks.length < 2 || chunks.length > chunksMax) return undefined;
  const subtasks = chunks.map((chunk, index) => mapSubtask(request, parts.instruction, chunk, index, chunks.length));
  addReductions(request, parts.instruction, subtasks);
  const reason = `The text is longer than one subtask may read: ${chunks.length} parts are read alone, and the answer is made of the partial answers.`;
  return { strategy: "map-reduce", reason, subtasks };
}

/** The short first or last paragraph that says what to do with the long rest. */
function instructionOf(text: string): { readonly instruction: string; readonly text: string } | undefined {
  const paragraphs = text.split(/\n\s*\n|\n(?=["“<#])|(?<=:)\n/);
  const first = paragraphs[0]?.trim() ?? "";
  const last = paragraphs.at(-1)?.trim() ?? "";
  if (paragraphs.length < 2) return undefined;
  if (isInstruction(last)) return { instruction: last, text: paragraphs.slice(0, -1).join("\n\n") };
  if (isInstruction(first)) return { instruction: first, text: paragraphs.slice(1).join("\n\n") };
  return undefined;
}

function isInstruction(text: string): boolean {
  return (
    text.split(/\s+/).length <= instructionWordsMax &&
    /[?:.]\s*$/.test(text) &&
    reducible.test(text) &&
    !indivisible.test(text) &&
    asks(text)
  );
}

function asks(text: string): boolean {
  return (
    /\?\s*$/.test(text) ||
    /^(?:please |can you |could you |i need |give me |tell me |read |based on |from |here is |below is |using )?[\s\S]{0,80}\b(?:summari[sz]e|summary|tl;?dr|list|find|extract|identify|describe|explain|outline|give|key points|takeaways|what|who|which|how|why)\b/i.test(
      text,
    )
  );
}

/** Cuts at paragraphs, then sentences, then words, each chunk at most `tokensMax`. */
function chunksOf(text: string, tokensMax: number, countTokens: (text: string) => number): readonly string[] {
  const chunks: string[] = [];
  let chunk = "";
  let size = 0;
  for (const piece of piecesOf(text, tokensMax, countTokens)) {
    const tokens = countTokens(piece);
    if (size + tokens > tokensMax && chunk !== "") {
      chunks.push(chunk.trim());
      chunk = "";
      size = 0;
    }
    chunk += piece;
    size += tokens;
  }
  if (chunk.trim() !== "") chunks.push(chunk.trim());
  return chunks;
}

function* piecesOf(text: string, tokensMax: number, countTokens: (text: string) => number): Generator<string> {
  for (const paragraph of text.split(/(?<=\n)\s*(?=\S)/)) {
    if (countTokens(paragraph) <= tokensMax) yield paragraph;
    else {
      for (const sentence of paragraph.split(/(?<=[.!?]\s)/)) {
        if (countTokens(sentence) <= tokensMax) yield sentence;
        else yield* slices(sentence, tokensMax, countTokens);
      }
    }
  }
}

/** A run without sentence ends, cut to equal lengths that fit. */
function* slices(text: string, tokensMax: number, countTokens: (text: string) => number): Generator<string> {
  const count = Math.ceil(countTokens(text) / tokensMax) + 1;
  const length = Math.ceil(text.length / count);
  for (let from = 0; from < text.length; from += length) yield text.slice(from, from + length);
}

function mapSubtask(request: Request, instruction: string, chunk: string, index: number, count: number): Subtask {
  const content = `${instruction}\n\nThis is part ${index + 1} of ${count} of the text. Write down, in short notes, only what this part says about it; if it says nothing, write "nothing".\n\n${chunk}`;
  const prompt = promptOf(request, content);
  return { index, dependsOn: [], isShown: false, leadIn: "", compose: () => prompt };
}

/** Adds layers of reductions until one is left, which is the answer. */
function addReductions(request: Request, instruction: string, subtasks: Subtask[]): void {
  let layer = subtasks.map((subtask) => subtask.index);
  while (layer.length > 1) {
    const groups = Math.ceil(layer.length / fanInMax);
    const size = Math.ceil(layer.length / groups);
    const next: number[] = [];
    for (let from = 0; from < layer.length; from += size) {
      const index = subtasks.length;
      const isLast = groups === 1;
      subtasks.push(reduceSubtask(request, instruction, layer.slice(from, from + size), index, isLast));
      next.push(index);
    }
    layer = next;
  }
}

function reduceSubtask(
  request: Request,
  instruction: string,
  dependsOn: readonly number[],
  index: number,
  isLast: boolean,
): Subtask {
  const closing = isLast
    ? "Answer from these notes alone."
    : "Join these notes into shorter ones that keep every fact.";
  return {
    index,
    dependsOn,
    isShown: isLast,
    leadIn: "",
    compose: (answers) => {
      const notes = answers.map((answer, position) => `Part ${position + 1}: ${answer.trim()}`).join("\n\n");
      return promptOf(
        request,
        `${instruction}\n\nThe text was read in parts; these are the notes on each, in order.\n\n${notes}\n\n${closing}`,
      );
    },
  };
}

function promptOf(request: Request, content: string): Prompt {
  const messages: readonly Message[] = [...request.context, { role: "user", content }];
  return { kind: "chat", messages };
}
