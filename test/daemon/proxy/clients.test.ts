import { openaiRoutes } from "../../../daemon/http/openai-routes.ts";
import { createHttpServer } from "../../../daemon/http/server.ts";
import { startProxy } from "../../../daemon/proxy/proxy.ts";
import { systemClock } from "../../../src/clock.ts";
import { silentLog } from "../../../src/log.ts";
import { scriptedBackend, scriptedModel } from "../http/scripted-backend.ts";
import { describeClients } from "./client-suite.ts";

const known = { model: scriptedModel.id, question: "Say hello.", answerPart: "Hello, world!" };

function serveScript() {
  return createHttpServer({
    address: "127.0.0.1",
    port: 0,
    allowedHosts: [],
    allowedOrigins: [],
    routes: openaiRoutes(scriptedBackend()),
    log: silentLog,
  });
}

describeClients("unmodified clients of a server of OpenAI's surface", async () => {
  const server = await serveScript();
  return { ...known, baseUrl: `${server.url}/v1`, close: () => server.close() };
});

describeClients("unmodified clients of the proxy", async () => {
  const network = await serveScript();
  const proxy = await startProxy(
    { port: 0, networkUrl: network.url, apiKey: "sk-peerllm-test" },
    { log: silentLog, clock: systemClock, signal: new AbortController().signal },
  );
  return {
    ...known,
    baseUrl: proxy.ready.baseUrl,
    async close() {
      await proxy.close();
      await network.close();
    },
  };
});
