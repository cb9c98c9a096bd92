/**
 * Measures the demo model greedily through llama.cpp, every check of `checks.ts`:
 *
 *     npx tsx test/src/models/demo/evaluate.ts [--file demo.gguf] [--per-skill N] [--json] [--failures]
 */
import { stdout } from "node:process";
import { parseArgs } from "node:util";
import { allChecks } from "./checks.ts";
import { openDemo } from "./demo-chat.ts";

const { values } = parseArgs({
  options: {
    file: { type: "string" },
    "per-skill": { type: "string", default: "40" },
    json: { type: "boolean" },
    failures: { type: "boolean" },
  },
});
const demo = values.file === undefined ? await openDemo() : await openDemo(values.file);
const scores: Record<string, { right: number; count: number }> = {};
for (const check of allChecks(Number(values["per-skill"]))) {
  const { text, tokens } = await demo.answer(check.conversation);
  const score = scores[check.skill] ?? { right: 0, count: 0 };
  scores[check.skill] = score;
  score.count += 1;
  if (check.isRight(text, tokens)) score.right += 1;
  else if (values.failures) {
    const asked = check.conversation.turns.at(-1);
    const question = asked !== undefined && "content" in asked ? asked.content : "";
    stdout.write(`${JSON.stringify({ skill: check.skill, question, expected: check.expected, answer: text })}\n`);
  }
}
await demo.close();
if (values.json) stdout.write(`${JSON.stringify(scores)}\n`);
else {
  for (const [skill, { right, count }] of Object.entries(scores)) {
    stdout.write(`${skill.padEnd(36)} ${String(right).padStart(4)} of ${count}\n`);
  }
}
