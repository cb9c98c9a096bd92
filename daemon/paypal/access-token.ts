import got, { HTTPError } from "got";
import * as z from "zod";
import { PeerError } from "../../src/errors.ts";
import { required } from "./paypal-error.ts";

export interface PayPalAccess {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Without a slash at its end: PayPal's own, or a simulator's. */
  readonly baseUrl: string;
  readonly timeoutMs: number;
}

const paypalUrl = "https://api-m.paypal.com";
const callTimeoutMs = 20_000;

/** Reads the `PAYPAL_*` variables. Throws `config_invalid` where one is missing or the base URL is no URL. */
export function paypalAccessOf(
  environment: Readonly<Record<string, string | undefined>>,
): PayPalAccess & { readonly isSimulated: boolean } {
  const { PAYPAL_CLIENT_ID: clientId, PAYPAL_CLIENT_SECRET: clientSecret } = environment;
  if (clientId === undefined || clientSecret === undefined) {
    throw new PeerError("config_invalid", "Billing by PayPal needs PAYPAL_CLIENT_ID and PAYPAL_CLIENT_SECRET.", {
      hint: "Make an app at developer.paypal.com, or use --billing credits.",
    });
  }
  const baseUrl = (environment.PAYPAL_BASE_URL ?? paypalUrl).replace(/\/+$/, "");
  if (!URL.canParse(baseUrl)) throw new PeerError("config_invalid", `PAYPAL_BASE_URL is no URL: "${baseUrl}".`);
  const isSimulated = !new URL(baseUrl).hostname.endsWith(".paypal.com");
  return { clientId, clientSecret, baseUrl, timeoutMs: callTimeoutMs, isSimulated };
}

export interface AccessTokens {
  /**
   * A token with at least a minute left; one request to PayPal however many ask at once. Throws what `required` does, of
   * which wrong credentials are `upstream_failed` for payers, caused by `config_invalid` for the operator.
   */
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
        .json()
        .catch(unlessRefused),
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

function unlessRefused(error: unknown): never {
  if (!(error instanceof HTTPError && error.response.statusCode === 401)) throw error;
  const cause = new PeerError(
    "config_invalid",
    "PayPal does not accept PAYPAL_CLIENT_ID with PAYPAL_CLIENT_SECRET: it answered 401.",
    {
      hint: "Copy both from one app at developer.paypal.com; those of its sandbox need PAYPAL_BASE_URL=https://api-m.sandbox.paypal.com.",
    },
  );
  throw new PeerError("upstream_failed", "PayPal does not accept this network's own credentials.", {
    cause,
    hint: "Only its operator can mend that; what is open goes on then.",
  });
}
