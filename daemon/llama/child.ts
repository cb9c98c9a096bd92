import { Worker } from "node:worker_threads";
import { openEngine } from "./engine-role.ts";
import { failureOf } from "./failure.ts";
import type { FromChild, Opening, ToChild } from "./messages.ts";
import { openProbe } from "./probe-role.ts";
import { openTokenizer } from "./tokenizer-role.ts";

/** Waits for the end of the standard input, which is the parent's. */
const watcher = `
  const { Socket } = require("node:net");
  new Socket({ fd: 0 }).resume().on("close", () => process.kill(process.pid, "SIGKILL"));
`;

/**
 * The entry of every process that loads a model. Its first message opens it for one role; it dies with its parent,
 * whatever the parent died of and however busy it is itself, and leaves the terminal's signals to it.
 */
new Worker(watcher, { eval: true }).unref();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

let receiver: Promise<Receive> | undefined;

process.on("message", (message) => {
  if (!isToChild(message)) return;
  if (message.kind === "open") receiver = open(message.opening);
  else void receiver?.then((receive) => receive(message));
});

type Receive = (message: ToChild) => void;

async function open(opening: Opening): Promise<Receive> {
  try {
    const { facts, receive } = await openRole(opening);
    send({ kind: "opened", facts });
    return receive;
  } catch (error) {
    send({ kind: "failed", failure: failureOf(error) });
    return () => {};
  }
}

function openRole(opening: Opening) {
  switch (opening.role) {
    case "engine":
      return openEngine(opening, send);
    case "tokenizer":
      return openTokenizer(opening, send);
    case "probe":
      return openProbe(opening);
    default:
      return opening satisfies never;
  }
}

function send(message: FromChild): void {
  if (process.connected) process.send?.(message);
}

function isToChild(message: unknown): message is ToChild {
  return typeof message === "object" && message !== null && "kind" in message;
}
