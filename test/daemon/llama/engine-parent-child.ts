import { startLlamaEngine } from "../../../daemon/llama/engine.ts";
import { silentLog } from "../../../src/log.ts";
import { demoModelFile, question } from "../../worlds/answers.ts";

/** A process with an engine at work, to be killed: prints the engine's process id and answers until then. */
const never = new AbortController().signal;
const engine = await startLlamaEngine(
  { modelFile: demoModelFile, threads: 1, gpu: "off", sequences: 1, contextLength: 1_024, log: silentLog },
  never,
);
process.stdout.write(`${engine.pid}\n`);
while (true) {
  for await (const _event of engine.generate(question("Tell me a story."), never));
}
