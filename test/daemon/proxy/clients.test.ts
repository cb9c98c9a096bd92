import { startProxy } from "../../../daemon/proxy/proxy.ts";
import { systemClock } from "../../../src/clock.ts";
import { silentLog } from "../../../src/log.ts";
import { serveAnswers } from "../../worlds/answer-server.ts";
import { scriptedBackend, scriptedModel } from "../http/scripted-backend.ts";
import { describeClients } from "./client-suite.ts";

const known = { model: scriptedModel.id, question: "Say hello.", answerPart: "Hello, world!" };

function serveScript() {
  return serveAnswers(scriptedBackend());
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
