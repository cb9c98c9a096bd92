import { PeerError } from "../errors.ts";

/** An extension of an X.509 certificate; Node shows but two of them. */
export interface CertificateExtension {
  readonly isCritical: boolean;
  /** DER of what it says. */
  readonly value: Buffer;
}

interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

const booleanTag = 0x01;
const integerTag = 0x02;
const octetStringTag = 0x04;
const extensionsTag = 0xa3;

/**
 * The extensions of a certificate in DER, by object identifier ("2.5.29.15"). Throws `signature_invalid` where one comes
 * twice or can't be read. Source: RFC 5280, section 4.1 and 4.2.
 */
export function readExtensions(certificate: Buffer): ReadonlyMap<string, CertificateExtension> {
  const found = new Map<string, CertificateExtension>();
  const tbsCertificate = elements(elements(certificate)[0]?.content)[0]?.content;
  const list = elements(tbsCertificate).find(({ tag }) => tag === extensionsTag)?.content;
  for (const { content } of elements(elements(list)[0]?.content)) {
    const [identifier, ...rest] = elements(content);
    const value = rest.find(({ tag }) => tag === octetStringTag)?.content;
    if (identifier === undefined || value === undefined) throw unreadable();
    const name = dotted(identifier.content);
    if (found.has(name)) throw unreadable();
    found.set(name, { isCritical: rest.some(({ tag, content: [byte] }) => tag === booleanTag && byte !== 0), value });
  }
  return found;
}

/** Whether a key usage names the digital signature. */
export function namesDigitalSignature({ value }: CertificateExtension): boolean {
  // A bit string: how many bits of the last byte are unused, then the bits, the first of them this one.
  return ((elements(value)[0]?.content[1] ?? 0) & 0x80) !== 0;
}

/** How many authorities basic constraints allow below this one; infinite where they don't say. */
export function pathLengthOf({ value }: CertificateExtension): number {
  const length = elements(elements(value)[0]?.content).find(({ tag }) => tag === integerTag)?.content;
  if (length === undefined) return Number.POSITIVE_INFINITY;
  if (length.length < 1 || length.length > 4) throw unreadable();
  return length.readIntBE(0, length.length);
}

/** The DER elements that follow each other in `der`. Source: ITU-T X.690. */
function elements(der: Buffer | undefined): Element[] {
  const found: Element[] = [];
  for (let rest = der ?? Buffer.alloc(0); rest.length > 0; ) {
    const [tag = 0, first = 0x80] = rest;
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    const start = 2 + lengthBytes;
    if (first === 0x80 || lengthBytes > 4 || rest.length < start) throw unreadable();
    const end = start + (lengthBytes === 0 ? first : rest.readUIntBE(2, lengthBytes));
    if (rest.length < end) throw unreadable();
    found.push({ tag, content: rest.subarray(start, end) });
    rest = rest.subarray(end);
  }
  return found;
}

function dotted(identifier: Buffer): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of identifier) {
    number = number * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    numbers.push(number);
    number = 0;
  }
  const [joined = 0, ...others] = numbers;
  const first = Math.min(2, Math.floor(joined / 40));
  return [first, joined - 40 * first, ...others].join(".");
}

function unreadable(): PeerError {
  return new PeerError("signature_invalid", "The extensions of a certificate can't be read.");
}
