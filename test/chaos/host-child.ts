import { NetworkLink } from "../../daemon/host/network-link.ts";
import type { Engine, GenerationEvent } from "../../src/chat/generation.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import { generateKeyPair } from "../../src/identity/key.ts";
import { silentLog } from "../../src/log.ts";
import type { OfferedModel } from "../../src/protocol/frame.ts";

/**
 * A host's end of the link, in a process of its own, that reconnects at once whenever it is cut off: what hostile
 * orchestrators are thrown at. Its engine says a few tokens to anything.
 */
const [url = "", trustedKey = "", digest = ""] = process.argv.slice(2);
const key = generateKeyPair();
const answerTokensMax = 8;

const offer: OfferedModel = {
  model: "acme/tiny:1.0.0",
  digest,
  contextLength: 512,
  sequences: 4,
  reportsTokens: true,
  prefillTokensPerSecond: 100,
  decodeTokensPerSecond: 10,
  decodeTokensPerSecondAtAllSequences: 20,
};

const engine: Engine = {
  contextLength: 512,
  sequences: 4,
  reportsTokens: true,
  async *generate({ prompt, resumedTokens, sampling }, signal): AsyncGenerator<GenerationEvent, void, undefined> {
    const promptTokens = prompt.kind === "tokens" ? prompt.tokens.length : 1;
    let position = resumedTokens.length;
    for (; position < Math.min(answerTokensMax, sampling.maxTokens); position += 1) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
      yield { kind: "delta", tokens: [7], text: "x" };
    }
    const usage = { promptTokens, completionTokens: position };
    yield { kind: "end", finishReason: "stop", usage, cachedTokens: 0, prefillMs: 0, decodeMs: 0 };
  },
  close: async () => {},
};

/** Waits for nothing: a reconnection is not slowed down. */
const hasty: Clock = { ...systemClock, sleep: () => new Promise((resolve) => setImmediate(resolve)) };

for (;;) {
  const link = new NetworkLink({
    url,
    apiKey: "sk-peerllm-fuzz",
    key,
    clock: hasty,
    log: silentLog,
    observer: { began: () => {}, ended: () => {} },
    async trustNetwork(publicKey) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (publicKey !== trustedKey) throw new PeerError("authentication_failed", "Another network's key.");
    },
    offers: () => [offer],
    isAccepting: () => true,
    engineOf: (asked) => (asked === digest ? engine : undefined),
  });
  // A refusal that retrying can't mend ends a link; here the next one begins.
  await link.keep().catch(() => link.close());
}
