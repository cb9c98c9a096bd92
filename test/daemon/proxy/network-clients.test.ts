import { startProxy } from "../../../daemon/proxy/proxy.ts";
import { systemClock } from "../../../src/clock.ts";
import { silentLog } from "../../../src/log.ts";
import { demoNetwork, demoReference } from "../../worlds/demo-network.ts";
import { describeClients } from "./client-suite.ts";

describeClients("unmodified clients of consume, before a network of real hosts", async () => {
  const network = await demoNetwork({ hosts: 2 });
  const proxy = await startProxy(
    { port: 0, networkUrl: network.url, apiKey: network.apiKey },
    { log: silentLog, clock: systemClock, signal: new AbortController().signal },
  );
  return {
    baseUrl: proxy.ready.baseUrl,
    model: demoReference,
    question: "What is PeerLLM?",
    answerPart: "PeerLLM",
    async close() {
      await proxy.close();
      await network.close();
    },
  };
});
