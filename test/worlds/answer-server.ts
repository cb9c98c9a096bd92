import { type AnswerBackend, openaiRoutes } from "../../daemon/http/openai-routes.ts";
import { createHttpServer, type HttpServer } from "../../daemon/http/server.ts";
import { silentLog } from "../../src/log.ts";

/** OpenAI's surface on loopback, answered by `backend`. The caller closes it. */
export function serveAnswers<Who>(backend: AnswerBackend<Who>, port = 0): Promise<HttpServer> {
  return createHttpServer({
    address: "127.0.0.1",
    port,
    allowedHosts: [],
    allowedOrigins: [],
    routes: openaiRoutes(backend),
    log: silentLog,
  });
}
