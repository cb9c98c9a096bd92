import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { startLlamaEngine } from "../../daemon/llama/engine.ts";
import { silentLog } from "../../src/log.ts";
import { createDecodeWindow } from "./decode-window.ts";
import type { NaiveAnswer, NaiveQuestion } from "./naive-loop.ts";

export interface Course {
  readonly modelFile: string;
  readonly threads: number;
  readonly sequences: number;
  readonly contextLength: number;
}

export interface Lap {
  /** All answers together; 0 where too few tokens came to tell. */
  readonly tokensPerSecond: number;
  /** Until the first token of the first answer. */
  readonly prefillMs: number;
}

/** One way to answer several prompts (as token ids) at once. */
export interface Contestant {
  readonly name: string;
  run(prompts: readonly (readonly number[])[], answerTokens: number): Promise<Lap>;
  close(): Promise<void>;
}

export async function lockstepContestant(course: Course): Promise<Contestant> {
  const never = new AbortController().signal;
  const engine = await startLlamaEngine({ ...course, gpu: "off", log: silentLog }, never);
  let lap = 0;
  return {
    name: "lockstep",
    async run(prompts, answerTokens) {
      const window = createDecodeWindow(prompts.length);
      const startedAt = performance.now();
      let firstAt: number | undefined;
      lap += 1;
      await Promise.all(
        prompts.map(async (tokens, index) => {
          const sampling = { temperature: 0, topP: 1, seed: 1, maxTokens: answerTokens, stop: [] };
          const cacheKey = `lap-${lap}-${index}`;
          const prompt = { kind: "tokens" as const, tokens };
          for await (const event of engine.generate({ prompt, resumedTokens: [], sampling, cacheKey }, never)) {
            const now = performance.now();
            if (event.kind === "end") {
              window.end(index, now);
              continue;
            }
            firstAt ??= now;
            for (const _token of event.tokens) window.token(index, now);
          }
        }),
      );
      return { tokensPerSecond: window.tokensPerSecond, prefillMs: (firstAt ?? startedAt) - startedAt };
    },
    close: () => engine.close(),
  };
}

export async function naiveContestant(course: Course): Promise<Contestant> {
  const { UV_THREADPOOL_SIZE: _, ...environment } = process.env;
  const child = fork(
    fileURLToPath(new URL("./naive-loop.ts", import.meta.url)),
    [course.modelFile, course.threads, course.sequences, course.contextLength].map(String),
    { execArgv: ["--import", "tsx"], env: environment },
  );
  await nextMessage(child);
  return {
    name: "node-llama-cpp",
    async run(prompts, answerTokens) {
      child.send({ prompts, answerTokens } satisfies NaiveQuestion);
      const answer = await nextMessage(child);
      if (!isLap(answer)) throw new Error("The naive loop answered something else.");
      return answer;
    },
    async close() {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

async function nextMessage(child: ChildProcess): Promise<unknown> {
  const gone = new AbortController();
  const death = once(child, "exit", { signal: gone.signal }).then(() => {
    throw new Error("The naive loop's process ended.");
  });
  try {
    const [message] = await Promise.race([once(child, "message"), death]);
    return message;
  } finally {
    death.catch(() => {});
    gone.abort();
  }
}

function isLap(message: unknown): message is NaiveAnswer {
  return typeof message === "object" && message !== null && "tokensPerSecond" in message;
}

/** llama.cpp's own server, from the binary `LLAMA_SERVER` names. */
export async function llamaServerContestant(binary: string, course: Course): Promise<Contestant> {
  const port = await freePort();
  const options = {
    "-m": course.modelFile,
    "-t": course.threads,
    "-tb": course.threads,
    "-np": course.sequences,
    "-c": course.contextLength * course.sequences,
    "--port": port,
    "--host": "127.0.0.1",
  };
  const child = spawn(binary, Object.entries(options).flat().map(String), { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  while (
    !(await fetch(`${url}/health`).then(
      (response) => response.ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null) throw new Error(`${binary} ended with code ${child.exitCode}.`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return {
    name: "llama-server",
    async run(prompts, answerTokens) {
      const window = createDecodeWindow(prompts.length);
      const startedAt = performance.now();
      let firstAt: number | undefined;
      await Promise.all(
        prompts.map(async (prompt, index) => {
          const body = { prompt, n_predict: answerTokens, temperature: 0, cache_prompt: false, stream: true };
          const response = await fetch(`${url}/completion`, { method: "POST", body: JSON.stringify(body) });
          for await (const event of serverEvents(response)) {
            const now = performance.now();
            firstAt ??= now;
            if (!event.includes('"stop":true')) window.token(index, now);
          }
          window.end(index, performance.now());
        }),
      );
      return { tokensPerSecond: window.tokensPerSecond, prefillMs: (firstAt ?? startedAt) - startedAt };
    },
    async close() {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

async function* serverEvents(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let held = "";
  for await (const bytes of response.body ?? []) {
    held += decoder.decode(bytes, { stream: true });
    const events = held.split("\n\n");
    held = events.pop() ?? "";
    yield* events.filter((event) => event.startsWith("data: "));
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("The loopback gave no port.");
  return address.port;
}
