import type { Message } from "../chat/message.ts";
import { leans, namesItsSubject } from "./lean.ts";
import { type List, listOf } from "./list.ts";
import type { Plan, Subtask } from "./plan.ts";
import type { Request } from "./request.ts";

/** More questions than this are answered in one piece: dividing has a price for each. */
const questionsMax = 32;
/** A preamble of more words is a text that the questions are about. */
const preambleWordsMax = 40;

/** Words of which "Please answer the following three questions:" is made: none that a single question would need. */
const announcing = new Set(
  (
    "hi hello hey please kindly can could would you i have need want like to know get answered an answer answers respond reply address solve do " +
    "complete handle help me with work on question questions task tasks thing things problem problems request requests exercise exercises " +
    "here are is s some these this the following below quick trivia quiz faq faqs independent independently separate separately unrelated " +
    "random a few several couple of two three four five six seven eight nine ten my all each for general knowledge one by in order briefly " +
    "quickly and about different various small short simple math maths history science geography thanks thank"
  ).split(" "),
);
/** An instruction for each answer: it goes with every question. */
const perAnswer =
  /\b(?:each|every|(?:one|two|three|\d+) (?:sentences?|words?|lines?|paragraphs?)|brief(?:ly)?|short(?:ly)?|concise(?:ly)?|in (?:english|french|german|spanish|italian|simple (?:words|terms|language)|detail)|simple|like i'?m|for a (?:child|beginner|five|ten)|answers? (?:in|with|as|short|briefly)|as an? (?:expert|teacher|historian|doctor|lawyer|chemist|engineer|pirate|chef|scientist)|you are an? )/i;
/** Speaks of answering, and not of something done to the questions as texts. */
const answering = /\b(?:answers?|answering|respond|reply|questions?|explain|you are|in one sentence)\b/i;
/** Asks for one thing made of all the answers. */
const together =
  /\b(?:json|table|csv|xml|yaml|essay|story|poem|paragraph that|report|article|blog|letter|email|e-mail|summary of all|one (?:text|answer|paragraph|document|response)|single|combine|combined|overall|compare|comparison|rank|together|altogether|in total|conclude|conclusion|at the end|finally|after answering|using (?:the|these|your)|requirements?|constraints?|rules|criteria|steps?|must|should (?:include|cover|contain|answer)|include|covering|cover|consider|based on|according to|given|context|passage|scenario|suppose|assume|imagine|interview|survey|questionnaire|quiz me|choose|pick|select|which of)\b/i;
const asking =
  /^(?:what|who|whom|whose|when|where|which|why|how|is|are|was|were|do|does|did|can|could|should|will|would|has|have|had|am|in (?:what|which)|on (?:what|which)|at (?:what|which)|for (?:what|which|how)|by (?:what|which|how)|to (?:what|which)|from (?:what|which|where)|name|list|define|explain|describe|translate|give|tell|write|convert|calculate|compute|solve|find|state|spell|identify|suggest|recommend|summari[sz]e|mention|draw|prove|simplify|count|make)\b/i;

/** Several questions that stand alone, one subtask each; undefined where they don't, or there is one. */
export function questionPlan(request: Request): Plan | undefined {
  const list = listOf(request.text);
  return list === undefined ? unlisted(request) : listed(request, list);
}

function listed(request: Request, list: List): Plan | undefined {
  const bodies = list.entries.map((entry) => entry.body);
  const frame = `${list.before} ${list.after}`.trim();
  if (bodies.length > questionsMax || !areAlone(bodies)) return undefined;
  const isAnnounced = frame === "" || announces(list.before);
  const isShared = !isAnnounced && perAnswer.test(frame) && answering.test(frame) && isShort(frame);
  if (together.test(frame) || (!isAnnounced && !isShared) || (list.after !== "" && !isShared)) return undefined;
  const areQuestions = bodies.every((body) => body.endsWith("?"));
  // Requests alone may be the steps of one thing, unless they are announced or stand among questions.
  const isNamedAsSeveral = frame !== "" || bodies.some((body) => body.endsWith("?"));
  const areRequests = bodies.every((body) => asking.test(body)) && isAnnounced && isNamedAsSeveral;
  if (!areQuestions && !areRequests) return undefined;
  const preamble = isShared ? frame : "";
  return planOf(
    request,
    preamble,
    list.entries.map(({ marker, body }) => ({ leadIn: numbered(marker), body })),
  );
}

/** Questions one after the other, in running text. */
function unlisted(request: Request): Plan | undefined {
  const { text } = request;
  if (text.length > 2_000 || /```/.test(text)) return undefined;
  const sentences = text.split(/(?<=[.!?])\s+|\n+/).filter((sentence) => sentence.trim() !== "");
  const from = sentences.findIndex((sentence) => sentence.endsWith("?"));
  const before = sentences.slice(0, Math.max(0, from)).join(" ");
  const bodies = sentences.slice(Math.max(0, from));
  if (from < 0 || bodies.length < 2 || bodies.length > questionsMax) return undefined;
  const isShared = perAnswer.test(before) && isShort(before) && !together.test(before);
  if (before !== "" && !isShared && !announces(before)) return undefined;
  const areWhole = bodies.every((body) => body.endsWith("?") && asking.test(body));
  const haveSubjects = bodies.every(namesItsSubject);
  if (!areWhole || !haveSubjects || !areAlone(bodies)) return undefined;
  return planOf(
    request,
    isShared ? before : "",
    bodies.map((body) => ({ leadIn: "", body })),
  );
}

function announces(text: string): boolean {
  const words = text.toLowerCase().match(/[\p{L}\d]+/gu) ?? [];
  return words.length > 0 && words.length <= preambleWordsMax && words.every((word) => announcing.has(word));
}

function areAlone(bodies: readonly string[]): boolean {
  return !bodies.some(leans) && !takeUp(bodies) && new Set(bodies).size === bodies.length;
}

/** "Name a river." … "Where does the river begin?" */
function takeUp(bodies: readonly string[]): boolean {
  const introduced = new Set<string | undefined>();
  return bodies.some((body) => {
    const isTakenUp = Array.from(body.matchAll(/\bthe ([a-z]+)/gi)).some((match) => introduced.has(match[1]));
    for (const match of body.matchAll(/\ban? ([a-z]+)/gi)) introduced.add(match[1]);
    return isTakenUp;
  });
}

function isShort(text: string): boolean {
  return text.split(/\s+/).length <= preambleWordsMax;
}

/** Numbers and letters come back before the answers; a bullet says nothing. */
function numbered(marker: string): string {
  return /[\da-z]/i.test(marker) ? marker : "";
}

function planOf(request: Request, preamble: string, parts: readonly { leadIn: string; body: string }[]): Plan {
  const subtasks = parts.map(({ leadIn, body }, index): Subtask => {
    const content = preamble === "" ? body : `${preamble}\n\n${body}`;
    const messages: readonly Message[] = [...request.context, { role: "user", content }];
    return {
      index,
      dependsOn: [],
      isShown: true,
      leadIn: `${index === 0 ? "" : "\n\n"}${leadIn}`,
      compose: () => ({ kind: "chat", messages }),
    };
  });
  const shared = preamble === "" ? "each alone" : "each with the instruction they share";
  return { strategy: "questions", reason: `It asks ${parts.length} questions that stand alone: ${shared}.`, subtasks };
}
