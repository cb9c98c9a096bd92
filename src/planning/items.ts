import type { Message } from "../chat/message.ts";
import { type Entry, type List, listOf } from "./list.ts";
import type { Plan, Subtask } from "./plan.ts";
import type { Request } from "./request.ts";

/** More items are handed out in runs of neighbours, so that a plan has at most this many subtasks. */
const subtasksMax = 32;
const instructionWordsMax = 80;

/** What can be done to one item without seeing the others. */
const distributive =
  /\b(?:translat\w+|summari[sz]\w+|classif\w+|categori[sz]e|label|tag|rewrit\w+|rephras\w+|paraphras\w+|correct|proofread|fix|extract|convert|define|describe|explain|annotate|transcribe|simplif\w+|shorten|expand|capitali[sz]e|lower-?case|upper-?case|sentiment|positive or negative|spam or not|detect the language|identify the|review|evaluate|grade|score|rate|answer|reply to|respond to|write an? \w+ (?:for|about|to|of)|give an? \w+ (?:for|about|of)|generate an? \w+ (?:for|about)|come up with an? \w+ for|solve|calculate|compute|evaluate|state|name the|spell|conjugate|format|pluralize|make .{1,30} (?:formal|polite|shorter|longer|friendlier))\b/i;
/** Speaks of several items. */
const many =
  /\b(?:respectively|for all of|all of (?:the|these)|(?:the|these|this|those|all|following|below|my|our|\d+|two|three|four|five|six|seven|eight|nine|ten) (?:\w+ ){0,4}(?:sentences|words|phrases|texts|documents|docs|reviews|articles|emails|e-mails|messages|tickets|comments|passages|paragraphs|sections|chapters|stories|poems|products|items|cases|notes|entries|reports|abstracts|resumes|tweets|posts|letters|questions|rows|lines|names|terms|concepts|headlines|titles|customers|transcripts|essays|expressions|equations|problems|idioms|verbs|nouns|adjectives|quotes|jokes|recipes|urls|dates|numbers|addresses|feedback|statements|functions|snippets))\b/i;
/** "each" and its like: whatever the verb, it is done item by item. */
const distributor = /\b(?:each(?! other)|every|individually|separately|one by one)\b/i;
/** Needs to see the items side by side, or makes one thing of them. */
const collective =
  /\b(?:compar\w+|contrast|rank|sort|order(?:ed|ing)? (?:by|the|them|these)|alphabeti\w+|overall|combin\w+|merg\w+|join|together|in common|common (?:themes?|words?|points?)|differences?|similarit\w+|total|average|mean|median|how many|group|cluster|dedup\w+|duplicates?|unique|trends?|story (?:using|with|from)|using (?:all|these|the following|each)|sentence (?:using|with)|poem (?:using|with)|table|json|csv|xml|yaml|one by one at a time|at a time|which (?:one|of)|consisten\w+|contradict\w*|match|pair|conclusion|synthesi[sz]\w+|across|between (?:them|these|the)|each other|connect\w+|sequence|chronolog\w+|timeline|schedule|recipe (?:using|with|from)|requirements?|constraints?|rules|must|ingredients|choose|pick|select|summary of (?:the|all)|agenda|survey|interview|quiz)\b/i;
/** Makes one thing of the items unless it is said to be done to each. */
const collectiveAlone =
  /\b(?:best|worst|most|least|better|favou?rite|sum|count|themes?|patterns?|one (?:paragraph|sentence|summary|text|answer)|single|who|relat\w+|plan|code|function|program|class|steps?|options|essay|article|blog|report|outline|budget)\b/i;
const pointsBack = /\b(?:above|previous|preceding|same as|see (?:item|section|chapter|document)|ibid)\b/i;

/** One instruction over many items, each with the instruction alone; undefined where they belong together. */
export function itemPlan(request: Request): Plan | undefined {
  const list = listOf(request.text) ?? linesOf(request.text);
  if (list === undefined) return undefined;
  const instruction = `${list.before}\n${list.after}`.trim();
  if (!isInstruction(instruction) || list.entries.some((entry) => pointsBack.test(entry.body))) return undefined;
  const runs = runsOf(list.entries);
  const subtasks = runs.map((entries, index) => subtaskOf(request, list, entries, index));
  const reason = `One instruction over ${list.entries.length} items: each is seen with the instruction alone${runs.length < list.entries.length ? `, ${runs.length} runs of neighbours` : ""}.`;
  return { strategy: "map", reason, subtasks };
}

function isInstruction(text: string): boolean {
  if (text === "" || text.split(/\s+/).length > instructionWordsMax || collective.test(text)) return false;
  return distributor.test(text) || (distributive.test(text) && many.test(text) && !collectiveAlone.test(text));
}

/** An instruction that ends with a colon, and a line or quoted line for each item. */
function linesOf(text: string): List | undefined {
  const [first = "", ...rest] = text.split("\n");
  const lines = rest.map((line) => line.trim()).filter((line) => line !== "");
  if (!/:\s*$/.test(first) || lines.length < 2 || /```/.test(text)) return undefined;
  const areParagraphs = /\n\s*\n/.test(rest.join("\n").trim());
  const bodies = areParagraphs
    ? rest
        .join("\n")
        .trim()
        .split(/\n\s*\n/)
        .map((part) => part.trim())
    : lines;
  return { before: first, entries: bodies.map((body) => ({ marker: "", body })), after: "" };
}

function runsOf(entries: readonly Entry[]): readonly (readonly Entry[])[] {
  const size = Math.ceil(entries.length / subtasksMax);
  const count = Math.ceil(entries.length / size);
  return Array.from({ length: count }, (_, index) => entries.slice(index * size, (index + 1) * size));
}

function subtaskOf(request: Request, list: List, entries: readonly Entry[], index: number): Subtask {
  const [first] = entries;
  const isAlone = entries.length === 1 && first !== undefined;
  const items = isAlone ? first.body : entries.map(({ marker, body }) => `${marker}${body}`).join("\n");
  const content = [list.before, items, list.after].filter((part) => part !== "").join("\n\n");
  const messages: readonly Message[] = [...request.context, { role: "user", content }];
  const gap =
    index === 0 ? "" : list.entries.every(({ body }) => body.length < 200 && !body.includes("\n")) ? "\n" : "\n\n";
  return {
    index,
    dependsOn: [],
    isShown: true,
    leadIn: `${gap}${isAlone ? first.marker : ""}`,
    compose: () => ({ kind: "chat", messages }),
  };
}
