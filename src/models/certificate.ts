import { X509Certificate } from "node:crypto";
import type { Millis } from "../clock.ts";
import { PeerError } from "../errors.ts";

const codeSigningUsage = "1.3.6.1.5.5.7.3.3";
/** Object identifier 2.5.29.15, as DER writes it. */
const keyUsageIdentifier = "551d0f";
const extensionsTag = 0xa3;
const chainLengthMax = 8;

/** Every certificate of a PEM text. Throws `signature_invalid` when there is none or one can't be read. */
export function readCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new PeerError("signature_invalid", "The certificate chain holds no PEM certificate.");
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw new PeerError("signature_invalid", "A certificate of the given chain can't be read.", { cause });
  }
}

/**
 * Checks that the first certificate of `chain` may sign and leads to one of `trusted` through the others, each issued
 * by the next and all valid at `now`; returns it. The given certificates are all trusted, so a path may end at any of
 * them. Throws `signature_invalid`. Source: RFC 5280, section 6; OpenSSF Model Signing 1.0, section 8.2.
 */
export function verifyChain(
  chain: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
  now: Millis,
): X509Certificate {
  const [leaf] = chain;
  if (leaf === undefined) throw new PeerError("signature_invalid", "The signature carries no certificate.");
  checkValidity(leaf, now);
  if (!maySign(leaf)) {
    throw new PeerError("signature_invalid", `The certificate of ${describe(leaf)} is not meant for signing.`);
  }
  let current = leaf;
  for (let length = 0; length < chainLengthMax; length++) {
    if (isAmong(current, trusted)) return leaf;
    const anchor = trusted.find((candidate) => isIssuedBy(current, candidate));
    const issuer = anchor ?? chain.slice(1).find((candidate) => isIssuedBy(current, candidate));
    if (issuer === undefined || issuer.fingerprint256 === current.fingerprint256) break;
    if (!issuer.ca) break;
    checkValidity(issuer, now);
    current = issuer;
  }
  throw new PeerError(
    "signature_invalid",
    `The signing certificate of ${describe(leaf)} does not lead to a certificate of the given chain.`,
    { hint: "Give the certificate of the authority that issued it, and trust that authority." },
  );
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function isAmong(certificate: X509Certificate, others: readonly X509Certificate[]): boolean {
  return others.some((other) => other.fingerprint256 === certificate.fingerprint256);
}

function checkValidity(certificate: X509Certificate, now: Millis): void {
  if (now >= Date.parse(certificate.validFrom) && now <= Date.parse(certificate.validTo)) return;
  throw new PeerError(
    "signature_invalid",
    `The certificate of ${describe(certificate)} is valid from ${certificate.validFrom} to ${certificate.validTo} only.`,
  );
}

/** Its key usage holds "digital signature", or its extended key usage "code signing". */
function maySign(certificate: X509Certificate): boolean {
  const usage = keyUsageBits(certificate.raw);
  if (usage !== undefined && (usage & 0x80) !== 0) return true;
  const extended: readonly string[] | undefined = certificate.keyUsage;
  return extended?.includes(codeSigningUsage) === true;
}

function describe(certificate: X509Certificate): string {
  return `"${certificate.subject.replaceAll("\n", ", ")}"`;
}

/** First byte of the key usage extension, undefined where there is none. Node shows the extended usage only. */
function keyUsageBits(der: Buffer): number | undefined {
  const tbsCertificate = elements(elements(der)[0]?.content)[0]?.content;
  const extensions = elements(tbsCertificate).find(({ tag }) => tag === extensionsTag)?.content;
  for (const { content } of elements(elements(extensions)[0]?.content)) {
    const [identifier, ...rest] = elements(content);
    if (identifier?.content.toString("hex") === keyUsageIdentifier)
      return elements(rest.at(-1)?.content)[0]?.content[1];
  }
  return undefined;
}

/** The DER elements that follow each other in `der`, up to the first that does not fit. Source: ITU-T X.690. */
function elements(der: Buffer | undefined): { tag: number; content: Buffer }[] {
  const found: { tag: number; content: Buffer }[] = [];
  let rest = der ?? Buffer.alloc(0);
  while (rest.length >= 2) {
    const [tag = 0, first = 0] = rest;
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    if (lengthBytes > 4 || rest.length < 2 + lengthBytes) break;
    const length = lengthBytes === 0 ? first : rest.readUIntBE(2, lengthBytes);
    const start = 2 + lengthBytes;
    if (rest.length < start + length) break;
    found.push({ tag, content: rest.subarray(start, start + length) });
    rest = rest.subarray(start + length);
  }
  return found;
}
