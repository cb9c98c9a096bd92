import { expect, test } from "vitest";
import { categories, defaultPolicy, parsePolicy } from "../../../src/safety/policy.ts";

test("the default policy survives JSON", () => {
  expect(parsePolicy(JSON.stringify(defaultPolicy))).toEqual(defaultPolicy);
});

test("every category has an action", () => {
  expect(Object.keys(defaultPolicy.categories).sort()).toEqual([...categories].sort());
});

const hate = defaultPolicy.categories.hate;
test.each([
  ["text that is not JSON", "{", "JSON"],
  ["a missing category", { ...defaultPolicy, categories: { hate } }, "categories"],
  [
    "an unknown category",
    { ...defaultPolicy, categories: { ...defaultPolicy.categories, weather: hate } },
    "categories",
  ],
  ["an unknown field", { ...defaultPolicy, extra: 1 }, "extra"],
  ["an unknown action", withHate({ ...hate, action: "maybe" }), "categories.hate.action"],
  ["a threshold above 1", withHate({ ...hate, blockAt: 1.5 }), "categories.hate.blockAt"],
  [
    "a block threshold under the one for escalation",
    withHate({ ...hate, escalateAt: 0.9, blockAt: 0.5 }),
    "categories.hate",
  ],
])("a policy with %s is refused, naming the place", (_, policy, place) => {
  const json = typeof policy === "string" ? policy : JSON.stringify(policy);
  expect(() => parsePolicy(json)).toThrow(expect.objectContaining({ code: "config_invalid" }));
  expect(() => parsePolicy(json)).toThrow(place);
});

function withHate(category: object): object {
  return { ...defaultPolicy, categories: { ...defaultPolicy.categories, hate: category } };
}
