import { expect, it } from "vitest";
import { factEntries } from "../../../src/models/demo/train/facts.ts";
import { faq } from "../../../src/models/demo/train/faq.ts";
import { anonymise } from "../../../src/privacy/anonymise.ts";

it("leaves every question that the demo model can answer as it is, so masking costs it no answer", () => {
  const questions = [...faq, ...factEntries].flatMap(({ phrasings, heldOut }) => [...phrasings, ...heldOut]);
  const options = { level: "standard", key: new Uint8Array(32), ownWords: [] } as const;
  const changed = questions.filter(
    (content) => anonymise([{ role: "user", content }], options).messages[0]?.content !== content,
  );
  expect(questions.length).toBeGreaterThan(1000);
  expect(changed).toEqual([]);
});
