import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { FairTokenizers } from "../../../daemon/orchestrator/fair-tokenizers.ts";
import { newId } from "../../../src/ids.ts";
import { type Deferred, deferred } from "../../worlds/deferred.ts";
import { letterTokenizers } from "../../worlds/dispatch-simulation.ts";

const [ada, bob] = [newId("account"), newId("account")];
const text = (letter: string, length: number) => ({ kind: "text" as const, text: letter.repeat(length) });

/** What the vocabulary's process was given, by each prompt's first letter; it answers when it is told to. */
function heldTokenizers() {
  const given: string[] = [];
  const answers: Deferred<readonly number[]>[] = [];
  let answered = 0;
  const fair = new FairTokenizers({
    ...letterTokenizers,
    async render(_file, prompt) {
      given.push(prompt.kind === "text" ? prompt.text.slice(0, 1) : "");
      const answer = deferred<readonly number[]>();
      answers.push(answer);
      const tokens = await answer.promise;
      if (tokens.length === 0) throw new Error("broken");
      return tokens;
    },
  });
  const answerNext = async (tokens: readonly number[]) => {
    await setImmediate();
    answers[answered++]?.resolve(tokens);
    await setImmediate();
  };
  return { fair, given, answerNext };
}

describe("tokenizers shared by accounts", () => {
  it("let an account that comes wait for two long prompts of another, however many of those wait", async () => {
    const { fair, given, answerNext } = heldTokenizers();
    for (let each = 0; each < 300; each++) void fair.of(ada).render("", text("a", 65_000));
    const hello = fair.of(bob).render("", text("b", 5));
    await answerNext([1]);
    await answerNext([1]);
    expect(given.slice(0, 3)).toEqual(["a", "a", "b"]);
    await answerNext([7]);
    expect(await hello).toEqual([7]);
    expect(given.slice(3)).toEqual(["a"]);
  });

  it("give a vocabulary many short prompts at once, and another vocabulary's at once whatever waits", async () => {
    const { fair, given } = heldTokenizers();
    for (let each = 0; each < 40; each++) void fair.of(ada).render("", text("a", 10));
    void fair.of(ada).render("other", text("o", 1_000_000));
    await setImmediate();
    expect(given).toHaveLength(41);
  });

  it("go on after one that fails", async () => {
    const { fair, answerNext } = heldTokenizers();
    const first = fair.of(ada).render("", text("a", 1_000_000));
    const second = fair.of(ada).render("", text("a", 1_000_000));
    const failed = expect(first).rejects.toThrow("broken");
    await answerNext([]);
    await failed;
    await answerNext([7]);
    expect(await second).toEqual([7]);
  });

  it("refuse more of an account than may wait, and of no other for that", async () => {
    const { fair, answerNext } = heldTokenizers();
    for (let each = 0; each < 1 + 2_048; each++) void fair.of(ada).render("", text("a", 65_000));
    await expect(fair.of(ada).render("", text("a", 1))).rejects.toMatchObject({ code: "queue_full" });
    const hello = fair.of(bob).render("", text("b", 5));
    for (let each = 0; each < 3; each++) await answerNext([7]);
    expect(await hello).toEqual([7]);
  });
});
