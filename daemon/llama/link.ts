import { type ChildProcess, fork } from "node:child_process";
import { packageFile } from "../../src/paths.ts";
import type { FromChild, Opening, ToChild } from "./messages.ts";

/** How a child ended: "SIGSEGV", "exit code 3". */
export type ChildEnd = string;

export interface ChildLinkOptions {
  readonly opening: Opening;
  readonly receive: (message: FromChild) => void;
  /** Called once, after the last message. */
  readonly ended: (how: ChildEnd) => void;
}

/** A child process that loads models, opened for one role, and the messages to and from it. */
export class ChildLink {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #lastWords = "";

  constructor({ opening, receive, ended }: ChildLinkOptions) {
    this.#child = forkChild();
    this.#child.on("message", (message) => {
      if (isFromChild(message)) receive(message);
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-lastWordsLengthMax);
    });
    this.#exited = new Promise((resolve) => {
      let isOver = false;
      const end = (how: ChildEnd) => {
        if (isOver) return;
        isOver = true;
        ended(how);
        resolve();
      };
      this.#child.once("error", (error) => end(error.message));
      this.#child.once("close", (code, signal) => end(signal ?? `exit code ${code}`));
    });
    this.send({ kind: "open", opening });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The end of what the child wrote to stderr: llama.cpp's own last complaint. */
  get lastWords(): string {
    return this.#lastWords.trim();
  }

  /** A message to a child that has gone is dropped: `ended` tells. */
  send(message: ToChild): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  /** Ends the process for sure: it holds nothing that needs saving. */
  async close(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }
}

const lastWordsLengthMax = 4_096;

/** Megabytes that a child's JavaScript may take: a model's template may build lists without end. */
const heapMegabytesMax = 1_024;

/**
 * `UV_THREADPOOL_SIZE=1`: llama.cpp's calls run on libuv's pool, and a larger one costs up to 28% of the decode rate by
 * moving them between cores. No secrets of the environment.
 */
function forkChild(): ChildProcess {
  const environment = Object.entries(process.env).filter(([name]) => !/^(PEERLLM|PAYPAL)_|^NODE_OPTIONS$/.test(name));
  return fork(packageFile("dist/engine.js"), [], {
    serialization: "advanced",
    stdio: ["pipe", "ignore", "pipe", "ipc"],
    env: { ...Object.fromEntries(environment), UV_THREADPOOL_SIZE: "1" },
    execArgv: [`--max-old-space-size=${heapMegabytesMax}`],
  });
}

function isFromChild(message: unknown): message is FromChild {
  return typeof message === "object" && message !== null && "kind" in message;
}
