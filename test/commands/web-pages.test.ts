import { describe, expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { rawRequest } from "../daemon/http/raw-http.ts";
import { type ScriptedBackend, scriptedBackend } from "../daemon/http/scripted-backend.ts";
import { serveAnswers } from "../worlds/answer-server.ts";
import { peerllm, temporaryFolder } from "../worlds/command.ts";

const trusted = "https://app.example";
const body = JSON.stringify({ model: "default", messages: [{ role: "user", content: "Hello" }], max_tokens: 2 });
const json = { "content-type": "application/json" };

/** An OpenAI server that counts what it is asked, in the place of a network and of a host's engine. */
async function upstream(): Promise<{ url: string; backend: ScriptedBackend }> {
  const backend = scriptedBackend();
  const server = await serveAnswers(backend);
  onTestFinished(() => server.close());
  return { url: server.url, backend };
}

const servers: [string, (url: string) => string[], string[]][] = [
  ["a consumer's endpoint", (url) => ["consume", "--detach", "--network", url], ["consume"]],
  [
    "a local host",
    (url) => ["host", "up", "--local", "--engine", "openai", "--upstream", url, "--model", "acme/tiny:1.2.0"],
    ["host"],
  ],
  ["an orchestrator", () => ["network", "up", "--billing", "off"], ["network"]],
];

describe.each(servers)("a web page that calls %s", (_, upWords, downWords) => {
  test("spends nothing and reads nothing, unless it is one that was allowed", async () => {
    const home = await temporaryFolder();
    onTestFinished(async () => void (await peerllm([...downWords, "down", "--now"], { home })));
    const { url, backend } = await upstream();
    const words = [...upWords(url), "--port", "0", "--allow-origin", trusted, "--json"];
    const up = await peerllm(words, { home, env: { PEERLLM_API_KEY: "sk-peer-any" } });
    expect(up.code, up.stdout + up.stderr).toBe(0);
    const ready = z.looseObject({ baseUrl: z.url().optional(), url: z.url().optional() }).parse(up.json());
    const base = (ready.baseUrl ?? ready.url ?? "").replace(/\/v1$/, "");
    const asked = backend.requests.length;
    const call = (headers: Record<string, string>) =>
      rawRequest(`${base}/v1/chat/completions`, { method: "POST", headers, body });

    const refused = [
      await call({ ...json, origin: "https://evil.example" }),
      await call({ ...json, origin: "null" }),
      await call({ ...json, host: "rebound.example" }),
      await call({ "content-type": "text/plain" }),
      await call({ "content-type": "application/x-www-form-urlencoded" }),
    ];
    // The orchestrator asks for a key before it looks at a body.
    const hasKeys = ready.baseUrl === undefined;
    expect(refused.map(({ status }) => status)).toEqual([403, 403, 403, ...(hasKeys ? [401, 401] : [415, 415])]);
    expect(refused.every(({ headers }) => headers["access-control-allow-origin"] === undefined)).toBe(true);
    expect(backend.requests).toHaveLength(asked);

    const allowed = await call({ ...json, origin: trusted });
    expect(allowed.headers["access-control-allow-origin"]).toBe(trusted);
    expect(allowed.status).toBe(hasKeys ? 401 : 200);
  });
});

test("an origin that is none is refused when the server is started", async () => {
  for (const origin of ["*", "app.example", "https://app.example/"]) {
    const { code, json: said } = await peerllm(["network", "up", "--port", "0", "--allow-origin", origin, "--json"]);
    expect([code, said()]).toMatchObject([2, { error: { message: expect.stringContaining("--allow-origin") } }]);
  }
});
