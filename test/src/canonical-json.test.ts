import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson } from "../../src/canonical-json.ts";

test("the same value is spelled the same way, and different values differently", () => {
  expect(canonicalJson({ b: [1, "ü", null], a: { d: true, c: undefined } })).toBe('{"a":{"d":true},"b":[1,"ü",null]}');
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.maxSafeInteger(), fc.boolean())), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).reverse());
      expect(canonicalJson(reversed)).toBe(canonicalJson(value));
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

// RFC 8785, section 3.2.2 and appendix B.
test.each([
  [1e-7, "1e-7"],
  [0.5, "0.5"],
  [-0, "0"],
  [Number("333333333.33333329"), "333333333.3333333"],
  ['€$\u000f\nA\'B"\\\\"/', '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'],
  [12_345_678_901_234_567_890n, '"12345678901234567890"'],
])("%s is spelled %s", (value, spelling) => {
  expect(canonicalJson(value)).toBe(spelling);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, undefined, () => 1])("%s has no spelling", (value) => {
  expect(() => canonicalJson([value])).toThrowError(TypeError);
});
