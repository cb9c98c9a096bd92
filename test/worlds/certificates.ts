import { createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";
import { generateSigningKey, type SigningKey } from "../../src/models/signing-key.ts";

/** A certificate made for a test, and the key it certifies. */
export interface TestCertificate {
  readonly key: SigningKey;
  readonly der: Buffer;
  readonly pem: string;
  readonly subject: string;
}

export interface TestExtension {
  /** Object identifier in DER, hexadecimal. */
  readonly identifier: string;
  readonly isCritical: boolean;
  readonly value: Buffer;
}

/** Object identifiers of the extended key usage, in DER, hexadecimal. */
const extendedUsages = { codeSigning: "2b06010505070303", serverAuth: "2b06010505070301" } as const;
type ExtendedUsage = keyof typeof extendedUsages;

export interface CertificateOptions {
  readonly subject: string;
  /** Signs itself where there is no issuer. */
  readonly issuer?: TestCertificate;
  readonly isAuthority?: boolean;
  /** First byte of the key usage: 0x80 digital signature, 0x04 certificate signing. */
  readonly keyUsage?: number;
  readonly extendedUsages?: readonly ExtendedUsage[];
  /** How many authorities may stand below this one. */
  readonly pathLength?: number;
  /** Beside those that the other options make. */
  readonly extensions?: readonly TestExtension[];
  readonly validFrom?: Date;
  readonly validTo?: Date;
  readonly key?: SigningKey;
}

const day = 86_400_000;

/** An X.509 v3 certificate, signed with ECDSA and SHA-256. Source: RFC 5280, section 4. */
export function makeCertificate(options: CertificateOptions): TestCertificate {
  const key = options.key ?? generateSigningKey("P-256");
  const issuer = options.issuer ?? { key, subject: options.subject };
  const extensions = extensionsOf(options);
  const tbs = sequence(
    element(0xa0, Buffer.from("020102", "hex")),
    element(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    commonName(issuer.subject),
    sequence(
      time(options.validFrom ?? new Date(Date.now() - day)),
      time(options.validTo ?? new Date(Date.now() + day)),
    ),
    commonName(options.subject),
    publicKeyInfo(key.privateKey),
    ...(extensions.length === 0 ? [] : [element(0xa3, sequence(...extensions))]),
  );
  const signature = sign("sha256", tbs, issuer.key.privateKey);
  const der = sequence(tbs, ecdsaWithSha256, element(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const body = der.toString("base64").replace(/.{64}(?=.)/g, "$&\n");
  const pem = `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
  return { key, der, pem, subject: options.subject };
}

function extensionsOf(options: CertificateOptions): Buffer[] {
  const { isAuthority, pathLength, keyUsage, extendedUsages: usages } = options;
  const length = pathLength === undefined ? [] : [element(0x02, Buffer.from([pathLength]))];
  const made: TestExtension[] = [
    { identifier: "551d13", isCritical: true, value: sequence(Buffer.from("0101ff", "hex"), ...length) },
    { identifier: "551d0f", isCritical: true, value: Buffer.from([0x03, 0x02, 0x00, keyUsage ?? 0]) },
    {
      identifier: "551d25",
      isCritical: false,
      value: sequence(...(usages ?? []).map((usage) => element(0x06, Buffer.from(extendedUsages[usage], "hex")))),
    },
  ];
  const wanted = [isAuthority === true, keyUsage !== undefined, usages !== undefined];
  return [...made.filter((_, index) => wanted[index]), ...(options.extensions ?? [])].map(extension);
}

const ecdsaWithSha256 = sequence(Buffer.from("06082a8648ce3d040302", "hex"));

function publicKeyInfo(privateKey: KeyObject): Buffer {
  return createPublicKey(privateKey).export({ type: "spki", format: "der" });
}

function commonName(name: string): Buffer {
  const attribute = sequence(Buffer.from("0603550403", "hex"), element(0x0c, Buffer.from(name)));
  return sequence(element(0x31, attribute));
}

function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]/g, "").slice(0, 14);
  return element(0x18, Buffer.from(`${digits}Z`));
}

function extension({ identifier, isCritical, value }: TestExtension): Buffer {
  const critical = isCritical ? [Buffer.from("0101ff", "hex")] : [];
  return sequence(element(0x06, Buffer.from(identifier, "hex")), ...critical, element(0x04, value));
}

function sequence(...parts: Buffer[]): Buffer {
  return element(0x30, Buffer.concat(parts));
}

function element(tag: number, content: Buffer): Buffer {
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(content.length);
  return Buffer.concat([Buffer.from([tag, 0x82]), length, content]);
}
