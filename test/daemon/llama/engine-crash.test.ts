import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { startLlamaEngine } from "../../../daemon/llama/engine.ts";
import { restartDelayMs } from "../../../daemon/llama/supervised-child.ts";
import { PeerError } from "../../../src/errors.ts";
import { silentLog } from "../../../src/log.ts";
import { demoModelFile, question, wholeAnswer } from "../../worlds/answers.ts";
import { demoVariant } from "../../worlds/demo-variant.ts";
import { temporaryFolder } from "../../worlds/model-folder.ts";

const never = new AbortController().signal;
const options = { modelFile: demoModelFile, threads: 1, gpu: "off" as const, sequences: 2, contextLength: 512 };

describe("an engine whose process dies", () => {
  it("ends its answers with engine_crashed and comes back by itself, for SIGKILL, SIGSEGV, SIGABRT and SIGBUS", async () => {
    const backs: (() => void)[] = [];
    const log = { ...silentLog, info: (event: string) => event === "engine-ready" && backs.shift()?.() };
    const engine = await startLlamaEngine({ ...options, log }, never);
    try {
      const before = await wholeAnswer(engine, question("What is PeerLLM?"));
      for (const [index, fault] of (["SIGKILL", "SIGSEGV", "SIGABRT", "SIGBUS"] as const).entries()) {
        const stream = engine.generate(question("Tell me a story."), never)[Symbol.asyncIterator]();
        await stream.next();
        const second = wholeAnswer(engine, question("Tell me a story.")).catch((error) => error);
        const back = new Promise<void>((resolve) => backs.push(resolve));
        const deadPid = engine.pid ?? 0;
        process.kill(deadPid, fault);
        await expect(drain(stream)).rejects.toMatchObject({ code: "engine_crashed" });
        expect(await second).toMatchObject({ code: "engine_crashed" });
        expect(engine.state()).toBe("restarting");
        await expect(wholeAnswer(engine, question("Hello"))).rejects.toMatchObject({ code: "engine_crashed" });
        await back;
        expect(() => process.kill(deadPid, 0)).toThrow();
        expect(engine).toMatchObject({ restarts: index + 1 });
        expect((await wholeAnswer(engine, question("What is PeerLLM?"))).text).toBe(before.text);
      }
    } finally {
      await engine.close();
    }
  }, 180_000);

  it("makes sure of its file before it loads it again, as often as that takes", async () => {
    let tries = 0;
    const restore = async () => {
      tries += 1;
      if (tries < 3) throw new PeerError("digest_mismatch", "The file was damaged.");
    };
    let isBack = () => {};
    const log = { ...silentLog, info: (event: string) => event === "engine-ready" && isBack() };
    const engine = await startLlamaEngine({ ...options, restore, log }, never);
    onTestFinished(() => engine.close());
    expect(tries).toBe(0);
    const back = new Promise<void>((resolve) => {
      isBack = resolve;
    });
    process.kill(engine.pid ?? 0, "SIGKILL");
    await back;
    expect(tries).toBe(3);
    expect(engine).toMatchObject({ restarts: 1 });
  });

  it("goes with a parent that is killed", async () => {
    await expectToGoWithParent("./engine-parent-child.ts");
  });

  it("goes with a parent that is killed also while it is busy", async () => {
    const endless = "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}";
    const folder = await temporaryFolder({ "loop.gguf": await demoVariant({ "tokenizer.chat_template": endless }) });
    onTestFinished(folder.remove);
    await expectToGoWithParent("./looping-parent-child.ts", folder.file("loop.gguf"));
  });

  it("refuses to start on a file that is no model", async () => {
    const modelFile = fileURLToPath(import.meta.url);
    await expect(startLlamaEngine({ ...options, modelFile, log: silentLog }, never)).rejects.toMatchObject({
      code: "model_invalid",
    });
  });

  it("refuses to start on a file that its process dies of", async () => {
    const bytes = Buffer.from(await readFile(demoModelFile));
    const key = ".attention.head_count";
    bytes.writeUInt32LE(0, bytes.indexOf(key) + key.length + 4);
    const folder = await temporaryFolder({ "headless.gguf": bytes });
    onTestFinished(folder.remove);
    const modelFile = folder.file("headless.gguf");
    const start = startLlamaEngine({ ...options, modelFile, log: silentLog }, never);
    await expect(start).rejects.toMatchObject({ code: "model_invalid" });
  });

  it("refuses more than the machine has, with what to do", async () => {
    const tooMuch = startLlamaEngine({ ...options, sequences: 100_000, log: silentLog }, never);
    await expect(tooMuch).rejects.toMatchObject({
      code: "config_invalid",
      hint: "Use fewer sequences or a shorter context.",
    });
  });

  it.each(["cuda", "metal", "vulkan"] as const)(
    "refuses a machine without %s, where that is asked for",
    async (gpu) => {
      const start = startLlamaEngine({ ...options, gpu, log: silentLog }, never);
      const refused = { code: "config_invalid", message: expect.stringContaining(gpu), hint: expect.any(String) };
      const facts = await start.then(
        async (engine) => {
          await engine.close();
          return engine.facts;
        },
        (error: unknown) => error,
      );
      expect([expect.objectContaining(refused), expect.objectContaining({ gpu })]).toContainEqual(facts);
    },
  );

  it("can be given up while it loads", async () => {
    const reason = new PeerError("cancelled", "No need.");
    const start = startLlamaEngine({ ...options, log: silentLog }, AbortSignal.abort(reason));
    await expect(start).rejects.toBe(reason);
  });
});

it("waits longer after each crash in a row, at most a minute, never the same for all", () => {
  expect([0, 1, 2, 3, 9, 50].map((attempt) => restartDelayMs(attempt, 1))).toEqual([
    100, 200, 400, 800, 51_200, 60_000,
  ]);
  expect(restartDelayMs(3, 0)).toBe(400);
});

/** `script` prints the process id of its child. */
async function expectToGoWithParent(script: string, ...parameters: string[]): Promise<void> {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const parent = spawn(process.execPath, ["--import", "tsx", file, ...parameters], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(createInterface({ input: parent.stdout }), "line");
  const childPid = Number(line);
  onTestFinished(() => {
    if (isAlive(childPid)) process.kill(childPid, "SIGKILL");
  });
  expect(isAlive(childPid)).toBe(true);
  parent.kill("SIGKILL");
  await once(parent, "exit");
  await expect.poll(() => isAlive(childPid)).toBe(false);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function drain(stream: AsyncIterator<unknown>): Promise<void> {
  for (let step = await stream.next(); step.done !== true; step = await stream.next());
}
