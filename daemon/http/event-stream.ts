import { once } from "node:events";
import { encodeComment, encodeEvent } from "../../src/chat/sse.ts";
import { PeerError } from "../../src/errors.ts";
import { timeLimit } from "../../src/time-limit.ts";
import type { Exchange } from "./route.ts";

/** An open answer of server-sent events. */
export interface EventStream {
  /** Resolves once the client can take more. Throws the exchange's reason, or `deadline_exceeded` after a minute. */
  send(data: string): Promise<void>;
  /** Sends the last event, also where the server goes down meanwhile, and waits for nobody. */
  end(data: string): void;
}

const keepAliveMs = 15_000;
const drainTimeoutMs = 60_000;

/** Sends the head, and a comment whenever nothing was sent for 15 s, so that no proxy takes the answer for dead. */
export function openEventStream({ response, signal }: Exchange): EventStream {
  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
  });
  response.flushHeaders();
  const keepAlive = setInterval(() => {
    if (!response.writableNeedDrain) response.write(encodeComment("keep-alive"));
  }, keepAliveMs);
  keepAlive.unref();
  response.once("close", () => clearInterval(keepAlive));

  return {
    async send(data) {
      signal.throwIfAborted();
      keepAlive.refresh();
      if (response.write(encodeEvent(data))) return;
      const limited = AbortSignal.any([signal, timeLimit(drainTimeoutMs)]);
      try {
        await once(response, "drain", { signal: limited });
      } catch (error) {
        signal.throwIfAborted();
        if (!limited.aborted) throw error;
        response.destroy();
        throw new PeerError("deadline_exceeded", "The client stopped reading its answer.");
      }
    },
    end(data) {
      clearInterval(keepAlive);
      response.end(encodeEvent(data));
    },
  };
}
