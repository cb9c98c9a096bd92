import got from "got";
import { z } from "zod";
import { required } from "./paypal-error.ts";

export interface PayPalAccess {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Without a slash at its end: PayPal's own, or a simulator's. */
  readonly baseUrl: string;
  readonly timeoutMs: number;
}

export interface AccessTokens {
  /** A token with at least a minute left; one request to PayPal however many ask at once. */
  current(): Promise<string>;
  /** The next `current` asks for a new one: what was given was answered 401. */
  forget(): void;
}

const tokenAnswer = z.looseObject({ access_token: z.string(), expires_in: z.number() });
const marginMs = 60_000;

export function newAccessTokens(access: PayPalAccess): AccessTokens {
  let known: { readonly token: string; readonly until: number } | null = null;
  let asking: Promise<string> | null = null;

  async function ask(): Promise<string> {
    const body = await required("give an access token", () =>
      got
        .post(`${access.baseUrl}/v1/oauth2/token`, {
          username: access.clientId,
          password: access.clientSecret,
          form: { grant_type: "client_credentials" },
          timeout: { request: access.timeoutMs },
          retry: { limit: 0 },
        })
        .json(),
    );
    const answer = tokenAnswer.parse(body);
    known = { token: answer.access_token, until: performance.now() + answer.expires_in * 1_000 - marginMs };
    return known.token;
  }

  return {
    current: async () => {
      if (known !== null && performance.now() < known.until) return known.token;
      asking ??= ask().finally(() => {
        asking = null;
      });
      return asking;
    },
    forget: () => {
      known = null;
    },
  };
}
