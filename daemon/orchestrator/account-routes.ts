import type * as z from "zod";
import type { AccountStore } from "../../src/identity/account.ts";
import type { Scope } from "../../src/identity/api-key.ts";
import { type Exchange, jsonRoute, type Method, type Route } from "../http/route.ts";
import { authenticate, type Member } from "./backend.ts";

/** A route as src/protocol/api.ts and economy-api.ts describe it. */
export interface ApiRoute<Request extends z.ZodType, Response extends z.ZodType> {
  readonly method: Method;
  readonly path: string;
  /** What the key must be allowed; any key where it isn't said. */
  readonly scope?: Scope;
  readonly request: Request;
  readonly response: Response;
}

/** Makes routes, each for the member whose key the request carries. */
export function accountRoutes(accounts: AccountStore) {
  return <Request extends z.ZodType, Response extends z.ZodType>(
    { method, path, scope, request }: ApiRoute<Request, Response>,
    handle: (member: Member, body: z.output<Request>, exchange: Exchange) => Promise<z.input<Response>>,
  ): Route =>
    jsonRoute(method, path, request, async (body, exchange) =>
      handle(await authenticate(exchange.request, accounts, scope ?? null), body, exchange),
    );
}
