import { timingSafeEqual } from "node:crypto";
import { expect, it, vi } from "vitest";
import { isSecretOf, newApiKeySecret, prefixOfSecret } from "../../../src/identity/api-key.ts";

vi.mock(import("node:crypto"), async (original) => {
  const crypto = await original();
  return { ...crypto, timingSafeEqual: vi.fn(crypto.timingSafeEqual) };
});

it("a secret is told from others in a time that does not depend on where they differ", () => {
  const { text, hash, prefix } = newApiKeySecret();
  const other = `${text.slice(0, -1)}${text.endsWith("a") ? "b" : "a"}`;
  expect([isSecretOf(text, hash), isSecretOf(other, hash), isSecretOf("", hash)]).toEqual([true, false, false]);
  expect(vi.mocked(timingSafeEqual).mock.calls.map(([candidate]) => candidate.byteLength)).toEqual([32, 32, 32]);
  expect(isSecretOf(text, hash.subarray(1))).toBe(false);
  expect(prefixOfSecret(text)).toBe(prefix);
});
