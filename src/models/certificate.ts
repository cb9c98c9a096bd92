import { X509Certificate } from "node:crypto";
import type { Millis } from "../clock.ts";
import { PeerError } from "../errors.ts";
import { namesDigitalSignature, pathLengthOf, readExtensions } from "./certificate-extensions.ts";

const codeSigning = "1.3.6.1.5.5.7.3.3";
const anyUsage = "2.5.29.37.0";
const keyUsage = "2.5.29.15";
const alternativeName = "2.5.29.17";
const basicConstraints = "2.5.29.19";
const nameConstraints = "2.5.29.30";
const extendedKeyUsage = "2.5.29.37";
/** What may be critical: the rest would have to be understood. An alternative name binds nothing that is looked at. */
const knownExtensions: readonly string[] = [keyUsage, alternativeName, basicConstraints, extendedKeyUsage];
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
 * Checks that the first certificate of `chain` is for code signing and leads to one of `trusted` through the others,
 * each issued by the next and all valid at `now`; returns it. The given certificates are all trusted, so a path may end
 * at any of them. Path lengths are held to; name constraints, policies and what else is critical and not processed here
 * are refused. Throws `signature_invalid`. Source: RFC 5280, section 6.1; OpenSSF Model Signing 1.0, section 8.2, and
 * its conformance suite, which refuses a certificate without the extended usage of code signing.
 */
export function verifyChain(
  chain: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
  now: Millis,
): X509Certificate {
  const [leaf] = chain;
  if (leaf === undefined) throw invalid("The signature carries no certificate.");
  refuse(faultOf(leaf, now) ?? faultOfSigner(leaf));
  let current = leaf;
  for (let authorities = 0, length = 0; length < chainLengthMax; length++) {
    if (isAmong(current, trusted)) return leaf;
    const issuers = [...trusted, ...chain.slice(1)].filter((candidate) => isIssuedBy(current, candidate));
    const faults = issuers.map((issuer) => faultOf(issuer, now) ?? faultOfAuthority(issuer, authorities));
    const issuer = issuers[faults.indexOf(undefined)];
    if (issuer === undefined) refuse(faults[0]);
    if (issuer === undefined || issuer.fingerprint256 === current.fingerprint256) break;
    if (issuer.subject !== issuer.issuer) authorities++;
    current = issuer;
  }
  throw invalid(
    `The signing certificate of ${describe(leaf)} does not lead to a certificate of the given chain.`,
    "Give the certificate of the authority that issued it, and trust that authority.",
  );
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function isAmong(certificate: X509Certificate, others: readonly X509Certificate[]): boolean {
  return others.some((other) => other.fingerprint256 === certificate.fingerprint256);
}

/** What keeps a certificate out of any path; undefined where nothing does. */
function faultOf(certificate: X509Certificate, now: Millis): string | undefined {
  const who = describe(certificate);
  const { validFrom, validTo } = certificate;
  if (!(now >= Date.parse(validFrom) && now <= Date.parse(validTo))) {
    return `The certificate of ${who} is valid from ${validFrom} to ${validTo} only.`;
  }
  const extensions = readExtensions(certificate.raw);
  if (extensions.has(nameConstraints)) return `The certificate of ${who} constrains names, which is not checked here.`;
  for (const [identifier, { isCritical }] of extensions) {
    if (isCritical && !knownExtensions.includes(identifier)) {
      return `The certificate of ${who} has a critical extension that is not known here (${identifier}).`;
    }
  }
  return undefined;
}

function faultOfSigner(certificate: X509Certificate): string | undefined {
  const usage = readExtensions(certificate.raw).get(keyUsage);
  const maySign = usage === undefined || namesDigitalSignature(usage);
  if (maySign && extendedUsages(certificate)?.includes(codeSigning) === true) return undefined;
  return `The certificate of ${describe(certificate)} is not meant for signing code.`;
}

/** `authorities` lie between it and the signer, those that issued to themselves not counted. */
function faultOfAuthority(certificate: X509Certificate, authorities: number): string | undefined {
  const constraints = readExtensions(certificate.raw).get(basicConstraints);
  if (constraints !== undefined && pathLengthOf(constraints) < authorities) {
    return `The authority ${describe(certificate)} may not stand above ${authorities} more.`;
  }
  const usages = extendedUsages(certificate);
  if (usages === undefined || usages.includes(codeSigning) || usages.includes(anyUsage)) return undefined;
  return `The authority ${describe(certificate)} is not meant for certificates that sign code.`;
}

/** Node calls the extended key usage so. */
function extendedUsages(certificate: X509Certificate): readonly string[] | undefined {
  return certificate.keyUsage;
}

function describe(certificate: X509Certificate): string {
  return `"${certificate.subject.replaceAll("\n", ", ")}"`;
}

function refuse(fault: string | undefined): void {
  if (fault !== undefined) throw invalid(fault);
}

function invalid(message: string, hint?: string): PeerError {
  return new PeerError("signature_invalid", message, hint === undefined ? {} : { hint });
}
