import { describe, expect, it } from "vitest";
import { createListener, listen } from "../../../daemon/http/listener.ts";
import { isPeerError } from "../../../src/errors.ts";
import { makeCertificate } from "../../worlds/certificates.ts";

const [one, other] = [makeCertificate({ subject: "one.example" }), makeCertificate({ subject: "other.example" })];
const keyOf = ({ key }: typeof one, passphrase?: string) =>
  key.privateKey
    .export({
      type: "pkcs8",
      format: "pem",
      ...(passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase }),
    })
    .toString();

describe("a TLS identity", () => {
  it.each([
    ["no certificate", { certificate: "-", key: keyOf(one) }, /can't be read/],
    ["no key", { certificate: one.pem, key: one.pem }, /can't be read/],
    ["a key that is encrypted", { certificate: one.pem, key: keyOf(one, "secret") }, /can't be read/],
    ["the key of another certificate", { certificate: one.pem, key: keyOf(other) }, /not its certificate's/],
  ])("with %s is refused by its options' names, and quoted nowhere", (_, identity, message) => {
    const make = () => createListener(identity, {});
    expect(make).toThrow(
      expect.objectContaining({ code: "usage_invalid", hint: expect.stringMatching(/--tls-cert .*--tls-key/) }),
    );
    expect(make).toThrow(message);
  });
});

describe("listening", () => {
  it.each(["192.0.2.1", "no-such-host.invalid"])("on %s, which is not this machine's, says so", async (address) => {
    const listening = listen(createListener(undefined, {}), address, 0);
    await expect(listening).rejects.toSatisfy((error) => isPeerError(error, "usage_invalid"));
    await expect(listening).rejects.toThrow(`"${address}" is no address of this machine.`);
  });
});
