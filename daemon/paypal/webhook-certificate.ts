import { X509Certificate } from "node:crypto";
import { PeerError } from "../../src/errors.ts";

const certificateName = "messageverificationcerts.paypal.com";

/**
 * The first certificate of `pem`, which is in PayPal's name and in its term and leads to one of `roots` through the others,
 * each an authority in its term that issued the one before; without roots only itself counts. Throws `authentication_failed`.
 */
export function readWebhookCertificate(pem: string, roots: readonly X509Certificate[] | null): X509Certificate {
  const chain = (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (text) => new X509Certificate(text),
  );
  const [leaf] = chain;
  if (leaf === undefined) throw forged("its certificate can't be read");
  if (!isInTerm(leaf)) throw forged("its certificate is out of its term");
  if (!leaf.subject.split("\n").includes(`CN=${certificateName}`)) throw forged("its certificate is not PayPal's");
  if (roots === null) return leaf;
  for (const [index, certificate] of chain.entries()) {
    if (roots.some((root) => isIssuedBy(certificate, root))) return leaf;
    const issuer = chain[index + 1];
    if (issuer === undefined || !isIssuedBy(certificate, issuer)) break;
  }
  throw forged("its certificate does not chain to a known root");
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && isInTerm(issuer) && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

export function isInTerm(certificate: X509Certificate): boolean {
  const now = Date.now();
  return Date.parse(certificate.validFrom) <= now && now <= Date.parse(certificate.validTo);
}

export function forged(why: string): PeerError {
  return new PeerError("authentication_failed", `This is no webhook of PayPal's: ${why}.`);
}
