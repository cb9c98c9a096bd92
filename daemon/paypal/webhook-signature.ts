import { verify, X509Certificate } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { rootCertificates } from "node:tls";
import { crc32 } from "node:zlib";
import got from "got";
import { forged, isInTerm, readWebhookCertificate } from "./webhook-certificate.ts";

export interface WebhookTrust {
  /** PayPal's API, or a simulator: certificates are fetched from it, or from PayPal's own hosts, and nowhere else. */
  readonly baseUrl: string;
  readonly timeoutMs: number;
}

export interface SignedWebhook {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly webhookId: string;
}

const certificatesMax = 8;

/**
 * Checks webhooks offline: the signature over transmission id, time, webhook id and CRC-32 of the body, by a certificate
 * in PayPal's name that is in its term and, where it comes from PayPal, chains to a root of Node's.
 * Source: PayPal's REST documentation, "Verify webhooks: self-verification method".
 */
export function newWebhookVerifier(trust: WebhookTrust) {
  const certificates = new Map<string, X509Certificate>();

  async function certificateAt(url: string): Promise<X509Certificate> {
    const known = certificates.get(url);
    if (known !== undefined && isInTerm(known)) return known;
    const isSimulated = requireAllowedUrl(url, trust.baseUrl);
    const pem = await got(url, {
      timeout: { request: trust.timeoutMs },
      followRedirect: false,
      retry: { limit: 1 },
    }).text();
    const leaf = readWebhookCertificate(
      pem,
      isSimulated ? null : rootCertificates.map((root) => new X509Certificate(root)),
    );
    if (certificates.size >= certificatesMax) certificates.clear();
    certificates.set(url, leaf);
    return leaf;
  }

  /** Throws `authentication_failed` for anything PayPal did not sign. */
  return async function verifyWebhook({ headers, body, webhookId }: SignedWebhook): Promise<void> {
    const [id, time] = [header(headers, "paypal-transmission-id"), header(headers, "paypal-transmission-time")];
    if (header(headers, "paypal-auth-algo") !== "SHA256withRSA") throw forged("its algorithm is not SHA256withRSA");
    const certificate = await certificateAt(header(headers, "paypal-cert-url"));
    const message = Buffer.from(`${id}|${time}|${webhookId}|${crc32(body)}`);
    const signature = Buffer.from(header(headers, "paypal-transmission-sig"), "base64");
    if (!verify("RSA-SHA256", message, certificate.publicKey, signature)) throw forged("its signature is wrong");
  };
}

/** Whether it is a simulator's. Throws unless the URL is at the API's own origin, or https at PayPal. */
function requireAllowedUrl(text: string, baseUrl: string): boolean {
  const [url, base] = [URL.canParse(text) ? new URL(text) : null, new URL(baseUrl)];
  const isPaypal = url?.protocol === "https:" && url.hostname.endsWith(".paypal.com");
  if (isPaypal) return false;
  if (url?.origin === base.origin) return true;
  throw forged("its certificate is not at PayPal");
}

function header(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  if (typeof value === "string") return value;
  throw forged(`it has no ${name} header`);
}
