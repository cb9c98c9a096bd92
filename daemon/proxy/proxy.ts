import { randomBytes } from "node:crypto";
import type { AnswerEvent } from "../../src/chat/answer.ts";
import { createUpstream, type UpstreamOptions } from "../../src/client/upstream.ts";
import type { Clock } from "../../src/clock.ts";
import { isPeerError, PeerError } from "../../src/errors.ts";
import type { Log } from "../../src/log.ts";
import { defaultPorts, proxyStartSchema } from "../../src/protocol/start.ts";
import { timeLimit } from "../../src/time-limit.ts";
import { type AnswerBackend, openaiRoutes } from "../http/openai-routes.ts";
import { createHttpServer } from "../http/server.ts";
import { proxyBackend } from "./backend.ts";

/** What the proxy needs of the daemon around it. */
export interface ProxyContext {
  readonly log: Log;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface RunningProxy {
  readonly ready: { readonly baseUrl: string; readonly pid: number };
  readonly control: { readonly status: () => Promise<unknown> };
  drain(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

interface RequestCounts {
  active: number;
  completed: number;
  failed: number;
}

/** How long requests wait for an orchestrator that restarts, and where the local host may answer instead. */
const retryMsMax = { none: 10_000, local: 2_000 } as const;
const firstRetryMsMax = 2_000;
const firstContactMsMax = 10_000;

/**
 * The consumer's local OpenAI endpoint, on loopback only. `options` are proxyStartSchema's. Throws
 * `authentication_failed` where the network does not know the key, `network_unreachable` where nothing answers and
 * there is no local host to fall back on, `already_running` where the port is taken.
 */
export async function startProxy(options: unknown, context: ProxyContext): Promise<RunningProxy> {
  const start = proxyStartSchema.parse(options);
  const { networkUrl, apiKey, model, privacy, fallback, maskedWords } = start;
  const { clock, log } = context;
  const isReached = await contact(
    { url: networkUrl, apiKey, clock, retryMsMax: firstRetryMsMax },
    context.signal,
  ).catch((error: unknown) => {
    if (fallback === "local" && isPeerError(error, "network_unreachable")) return false;
    throw error;
  });
  if (!isReached) log.warn("network-unreachable", { networkUrl });

  const network = createUpstream({ url: networkUrl, apiKey, clock, retryMsMax: retryMsMax[fallback] });
  const localUrl = `http://127.0.0.1:${defaultPorts.local}`;
  const local = fallback === "local" ? createUpstream({ url: localUrl, apiKey: null, clock, retryMsMax: 0 }) : null;
  const masking = { key: randomBytes(32), ownWords: maskedWords };
  const requests: RequestCounts = { active: 0, completed: 0, failed: 0 };
  const server = await createHttpServer({
    address: "127.0.0.1",
    port: start.port,
    allowedHosts: [],
    allowedOrigins: start.allowedOrigins,
    routes: openaiRoutes(counted(proxyBackend({ network, local, masking, model }), requests), { privacy }),
    log,
  });
  const baseUrl = `${server.url}/v1`;
  const startedAt = clock.now();
  return {
    ready: { baseUrl, pid: process.pid },
    control: {
      status: async () => ({ baseUrl, pid: process.pid, networkUrl, startedAt, model, privacy, fallback, requests }),
    },
    drain: (signal) => server.drain(signal),
    async close() {
      await server.close();
      network.close();
      local?.close();
    },
  };
}

async function contact(options: UpstreamOptions, signal: AbortSignal): Promise<true> {
  const upstream = createUpstream(options);
  const timeout = timeLimit(firstContactMsMax);
  try {
    await upstream.models(AbortSignal.any([signal, timeout]));
    return true;
  } catch (error) {
    if (!timeout.aborted) throw error;
    throw new PeerError("network_unreachable", `The network at ${options.url} did not answer in time.`, {
      cause: error,
    });
  } finally {
    upstream.close();
  }
}

/** The same backend, with its answers counted. */
function counted(backend: AnswerBackend, counts: RequestCounts): AnswerBackend {
  return {
    ...backend,
    async *answer(request, caller, signal): AsyncGenerator<AnswerEvent> {
      counts.active += 1;
      let isComplete = false;
      try {
        for await (const event of backend.answer(request, caller, signal)) {
          isComplete ||= event.kind === "end";
          yield event;
        }
      } finally {
        counts.active -= 1;
        if (isComplete) counts.completed += 1;
        else counts.failed += 1;
      }
    },
  };
}
