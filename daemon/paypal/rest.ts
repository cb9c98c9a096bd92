import got, { HTTPError } from "got";
import type { AccessTokens, PayPalAccess } from "./access-token.ts";

export interface RestRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: unknown;
  /** The same in every attempt. */
  readonly requestId?: string;
}

/** What PayPal's SDK does not cover: products, webhooks and payouts. Throws got's errors; answers are unparsed JSON. */
export function newRest(access: PayPalAccess, tokens: AccessTokens) {
  return async function call({ method, path, body, requestId }: RestRequest): Promise<unknown> {
    const headers = {
      authorization: `Bearer ${await tokens.current()}`,
      ...(requestId === undefined ? {} : { "paypal-request-id": requestId }),
    };
    try {
      return await got(`${access.baseUrl}${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { json: body }),
        timeout: { request: access.timeoutMs },
        retry: { limit: 0 },
        followRedirect: false,
      }).json();
    } catch (error) {
      if (error instanceof HTTPError && error.response.statusCode === 401) tokens.forget();
      throw error;
    }
  };
}

export type Rest = ReturnType<typeof newRest>;
