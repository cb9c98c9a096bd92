import { Client, Environment } from "@paypal/paypal-server-sdk";
import type { AccessTokens, PayPalAccess } from "./access-token.ts";

type BuilderFactory = ReturnType<Client["getRequestBuilderFactory"]>;

const sandboxUrl = "https://api-m.sandbox.paypal.com";

/**
 * PayPal's SDK, pointed at any base URL: it only knows two. It would keep a token that was refused, or a failure to get
 * one, for ever: it is given none, and each request takes its own from `tokens` on the way out.
 */
export class SdkClient extends Client {
  readonly #baseUrl: string;
  readonly #tokens: AccessTokens;

  constructor(access: PayPalAccess, tokens: AccessTokens) {
    super({
      environment: Environment.Sandbox,
      timeout: access.timeoutMs,
      clientCredentialsAuthCredentials: {
        oAuthClientId: "",
        oAuthClientSecret: "",
        oAuthToken: { accessToken: "", tokenType: "Bearer" },
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
      builder.intercept(async (request, options, next) => {
        const headers = { ...request.headers, authorization: `Bearer ${await this.#tokens.current()}` };
        const context = await next({ ...request, headers, url: this.#redirected(request.url) }, options);
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
