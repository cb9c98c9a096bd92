import { Client, Environment } from "@paypal/paypal-server-sdk";
import type { AccessTokens, PayPalAccess } from "./access-token.ts";

type BuilderFactory = ReturnType<Client["getRequestBuilderFactory"]>;

const sandboxUrl = "https://api-m.sandbox.paypal.com";

/**
 * PayPal's SDK, pointed at any base URL: it only knows two. Its own token cache is left empty (it would keep a failed
 * answer for ever); each call takes the token of `tokens`.
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
        oAuthTokenProvider: async () => ({
          accessToken: await tokens.current(),
          tokenType: "Bearer",
          expiry: 0n,
        }),
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
