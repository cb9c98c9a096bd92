import { ChildLink } from "../../../daemon/llama/link.ts";

/** A process to be killed, whose child is at a template without end: prints the child's process id. */
const [modelFile = ""] = process.argv.slice(2);
const link = new ChildLink({
  opening: { role: "tokenizer", modelFile },
  receive() {
    const prompt = { kind: "chat", messages: [{ role: "user", content: "Hello" }] } as const;
    link.send({ kind: "ask", id: 1, question: { kind: "render", prompt } });
    process.stdout.write(`${link.pid}\n`);
  },
  ended: (how) => process.stdout.write(`${how}\n`),
});
