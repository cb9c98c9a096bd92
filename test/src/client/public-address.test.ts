import { describe, expect, it } from "vitest";
import { isPublicAddress, publicLookup, type Resolve } from "../../../src/client/public-address.ts";
import { isPeerError } from "../../../src/errors.ts";

describe("an address", () => {
  it.each(["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "[2606:4700:4700::1111]"])("%s is public", (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.5.5",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "[::1]",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "::7f00:1",
    "::a9fe:a9fe",
    "4000::1",
    "fec0::1",
    "3fff::1",
    "2001::1",
    "",
    "localhost",
  ])("%s is not public", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe("a public lookup", () => {
  function look(resolve: Resolve, all: boolean) {
    return new Promise<unknown>((settle, fail) => {
      publicLookup(resolve)("models.example", { all }, (error, address) =>
        error === null ? settle(address) : fail(error),
      );
    });
  }

  const publicOne = { address: "93.184.216.34", family: 4 };

  it("gives what the name stands for, one or all", async () => {
    await expect(look(async () => [publicOne], true)).resolves.toEqual([publicOne]);
    await expect(look(async () => [publicOne], false)).resolves.toBe(publicOne.address);
  });

  it("refuses a name when any of its addresses is inside", async () => {
    const mixed = async () => [publicOne, { address: "127.0.0.1", family: 4 }];
    await expect(look(mixed, true)).rejects.toSatisfy((error) => isPeerError(error, "address_refused"));
  });

  it("asks anew each time, so a name that changes its answer gains nothing", async () => {
    let asked = 0;
    const rebinding: Resolve = async () => (asked++ === 0 ? [publicOne] : [{ address: "10.0.0.5", family: 4 }]);
    await expect(look(rebinding, false)).resolves.toBe(publicOne.address);
    await expect(look(rebinding, false)).rejects.toSatisfy((error) => isPeerError(error, "address_refused"));
  });

  it("passes a failed resolution on", async () => {
    await expect(look(() => Promise.reject(new Error("no such name")), true)).rejects.toThrowError("no such name");
    await expect(look(async () => [], true)).rejects.toThrowError(/no address/);
  });
});
