import { Client, Environment } from "@paypal/paypal-server-sdk";
import type { AccessTokens, PayPalAccess } from "./access-token.ts";

type BuilderFactory = ReturnType<Client["getRequestBuilderFactory"]>;

const sandboxUrl = "https://api-m.sandbox.paypal.com";

const tokenSeconds = 30;

/**
 * PayPal's SDK, pointed at any base URL: it only knows two. It is given tokens that it believes to last
 * half a minute, so that it soon asks for the one of `tokens` again.
 */
export class SdkClient extends Client {
  readonly #baseUrl: string;
  readonly #tokens: AccessTokens;

  constructor(access: PayPalAccess, tokens: AccessTokens) {
    super({
      environment: Environment.Sandbox,
      timeout: access.timeoutMs,
      clientCredentialsAuthCredentials: {
        oAuthClientId: access.clientId,
        oAuthClientSecret: access.clientSecret,
        oAuthTokenProvider: () => shortLivedToken(tokens),
      },
    });
    this.#baseUrl = access.baseUrl;
    this.#tokens = tokens;
  }

  /** The base class calls this while it is being made, so fields are read only when a request is sent. */
  override getRequestBuilderFactory(): BuilderFactory {
    const make = super.getRequestBuilderFactory();
    return (...args) => {
      const builder = make(...args);
      builder.interceptRequest((request) => ({ ...request, url: this.#redirected(request.url) }));
      builder.interceptResponse((context) => {
        if (context.response.statusCode === 401) this.#tokens.forget();
        return context;
      });
      return builder;
    };
  }

  #redirected(url: string): string {
    if (!url.startsWith(`${sandboxUrl}/`)) throw new TypeError(`PayPal's SDK would call another host: ${url}`);
    return this.#baseUrl + url.slice(sandboxUrl.length);
  }
}

/** Never rejects: the SDK would keep the rejection for ever. It refuses an expired token itself, without calling PayPal. */
async function shortLivedToken(tokens: AccessTokens) {
  const now = Math.floor(Date.now() / 1_000);
  try {
    return { accessToken: await tokens.current(), tokenType: "Bearer", expiry: BigInt(now + tokenSeconds) };
  } catch {
    return { accessToken: "", tokenType: "Bearer", expiry: 0n };
  }
}
