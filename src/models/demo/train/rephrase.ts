import type { Random } from "./random.ts";

/** Ways to ask the same: what a question's form matches, and the forms it may take instead. */
const rules: readonly (readonly [RegExp, readonly string[]])[] = [
  [
    /^What (is|are|does|do) ((?:a|an|the) [\w-]+(?: do)?|[\w-]+s(?: do)?)\?$/,
    ["What $1 $2 in PeerLLM?", "In PeerLLM, what $1 $2?", "What exactly $1 $2?", "And what $1 $2?"],
  ],
  [
    /^What is (.+)\?$/,
    [
      "Can you tell me what $1 is?",
      "Do you know what $1 is?",
      "Tell me what $1 is.",
      "What exactly is $1?",
      "So what is $1?",
      "I want to know what $1 is.",
      "What's $1?",
    ],
  ],
  [
    /^What are (.+)\?$/,
    [
      "Can you tell me what $1 are?",
      "Do you know what $1 are?",
      "Tell me what $1 are.",
      "What exactly are $1?",
      "I want to know what $1 are.",
    ],
  ],
  [
    /^How do I (.+)\?$/,
    [
      "How can I $1?",
      "Tell me how to $1.",
      "Can you explain how to $1?",
      "I want to $1. How do I do that?",
      "How would I $1?",
      "What must I do to $1?",
      "What is the command to $1?",
    ],
  ],
  [
    /^How can I (.+)\?$/,
    ["How do I $1?", "Tell me how I can $1.", "Can you tell me how to $1?", "I would like to $1. How can I do it?"],
  ],
  [/^Which (command|flag) (.+)\?$/, ["What $1 $2?", "Tell me which $1 $2.", "Do you know which $1 $2?"]],
  [
    /^(?:Which|What) ([a-z]+) (.+)\?$/,
    ["Tell me which $1 $2.", "Do you know which $1 $2?", "Can you tell me which $1 $2?", "Which $1 $2?", "What $1 $2?"],
  ],
  [
    /^Can I (.+)\?$/,
    ["Is it possible to $1?", "May I $1?", "Am I able to $1?", "I want to $1. Can I?", "Is there a way to $1?"],
  ],
  [/^Can (a|an|the|my) (.+)\?$/, ["Is it possible that $1 $2?", "Could $1 $2?"]],
  [
    /^What (?:does|do) (.+) (do|mean|cost|say|show|use|earn|see|pay|keep)\?$/,
    ["Can you tell me what $1 $2?", "I want to know what $1 $2.", "What exactly does $1 $2?"],
  ],
  [
    /^How (?:does|do) (.+) work\?$/,
    ["Explain how $1 works.", "Can you explain how $1 works?", "Tell me how $1 works."],
  ],
  [
    /^How (much|many|long|fast|old) (.+)\?$/,
    ["Tell me how $1 $2.", "Do you know how $1 $2?", "Can you tell me how $1 $2?"],
  ],
  [/^(Where|When|Who|Why) (.+)\?$/, ["Tell me: $1 $2?", "Do you know: $1 $2?"]],
  [
    /^(?:What happens|What) (if|when) (.+)\?$/,
    ["What will happen $1 $2?", "Tell me what happens $1 $2.", "And $1 $2?"],
  ],
  [/^(?:Is|Are) (.+)\?$/, ["Tell me: is $1?", "Can you say if $1?"]],
];

/** The question in another form, or as it is where no form fits or the form is reserved. */
export function rephrased(question: string, reserved: ReadonlySet<string>, random: Random): string {
  const fitting = rules.filter(([pattern]) => pattern.test(question));
  if (fitting.length === 0) return question;
  const [pattern, forms] = random.pick(fitting);
  const text = question.replace(pattern, random.pick(forms));
  return reserved.has(text.toLowerCase()) ? question : text;
}
