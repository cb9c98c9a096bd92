import { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { readWebhookCertificate } from "../../../daemon/paypal/webhook-certificate.ts";
import { type CertificateOptions, makeCertificate, type TestCertificate } from "../../worlds/certificates.ts";

const name = "messageverificationcerts.paypal.com";
const past = { validFrom: new Date("2020-01-01"), validTo: new Date("2021-01-01") };
const future = { validFrom: new Date("2090-01-01"), validTo: new Date("2091-01-01") };
const authority = (subject: string, options: Partial<CertificateOptions> = {}) =>
  makeCertificate({ subject, isAuthority: true, keyUsage: 0x04, ...options });
const leafOf = (issuer: TestCertificate, options: Partial<CertificateOptions> = {}) =>
  makeCertificate({ subject: name, issuer, keyUsage: 0x80, ...options });

const root = authority("Root");
const middle = authority("Middle", { issuer: root });
const foreign = authority("Foreign");
const crossSigned = authority("Root", { key: root.key, issuer: foreign });
/** What anybody may get of a known root: a certificate in a name of theirs, that makes no authority. */
const customer = makeCertificate({ subject: "customer.example", issuer: root, keyUsage: 0x80 });
const bare = makeCertificate({ subject: "bare.example", issuer: root });
const mute = authority("Mute", { issuer: root, keyUsage: 0x80 });
const old = authority("Old", { issuer: root, ...past });
const early = authority("Early", { issuer: root, ...future });
const namesake = authority("Root");
const oldRoot = authority("Old root", past);

function read(...chain: readonly TestCertificate[]) {
  const roots = [root, oldRoot].map(({ der }) => new X509Certificate(der));
  return readWebhookCertificate(chain.map(({ pem }) => pem).join(""), roots);
}

test.each([
  ["a root", [leafOf(root)]],
  ["a root that is sent along", [leafOf(root), root]],
  ["a root through an authority", [leafOf(middle), middle]],
  ["a root that a foreign one vouches for too", [leafOf(middle), middle, crossSigned]],
])("a certificate that leads to %s is PayPal's", (_, chain) => {
  expect(read(...chain).subject).toBe(`CN=${name}`);
});

test.each([
  ["issued by one of a customer's", [leafOf(customer), customer]],
  ["issued by one that does not say that it is an authority", [leafOf(bare), bare]],
  ["issued by an authority that may not issue", [leafOf(mute), mute]],
  ["that names another issuer than its own", [leafOf({ ...middle, subject: "Other" }), middle]],
  ["that another key than its issuer's signed", [leafOf({ ...middle, key: foreign.key }), middle]],
  ["whose issuer's term is over", [leafOf(old), old]],
  ["whose issuer's term has not begun", [leafOf(early), early]],
  ["whose root's term is over", [leafOf(oldRoot)]],
  ["whose own term is over", [leafOf(root, past)]],
  ["of a foreign root", [leafOf(foreign)]],
  ["of a foreign root that is sent along", [leafOf(foreign), foreign]],
  ["of a foreign root with the name of a known one", [leafOf(namesake), namesake]],
  ["in another name", [customer]],
  ["that signed itself", [makeCertificate({ subject: name })]],
])("a certificate %s is refused", (_, chain) => {
  expect(() => read(...chain)).toThrow(expect.objectContaining({ code: "authentication_failed" }));
});
