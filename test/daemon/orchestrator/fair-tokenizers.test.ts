import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { FairTokenizers } from "../../../daemon/orchestrator/fair-tokenizers.ts";
import { newId } from "../../../src/ids.ts";
import { type Deferred, deferred } from "../../worlds/deferred.ts";
import { letterTokenizers } from "../../worlds/dispatch-simulation.ts";

const [ada, bob] = [newId("account"), newId("account")];
const text = (length: number) => ({ kind: "text" as const, text: "a".repeat(length) });

describe("tokenizers shared by accounts", () => {
  it("take one long prompt of an account at a time, another's at once, and short ones always", async () => {
    const asked: Deferred<readonly number[]>[] = [];
    const fair = new FairTokenizers({
      ...letterTokenizers,
      async render() {
        const answer = deferred<readonly number[]>();
        asked.push(answer);
        const tokens = await answer.promise;
        if (tokens.length === 0) throw new Error("broken");
        return tokens;
      },
    });
    const first = fair.of(ada).render("", text(100_000));
    await setImmediate();
    const second = fair.of(ada).render("", text(100_000));
    void fair.of(bob).render("", text(100_000));
    void fair.of(ada).render("", text(10));
    await setImmediate();
    expect(asked).toHaveLength(3);
    asked[0]?.resolve([]);
    await expect(first).rejects.toThrow("broken");
    await setImmediate();
    expect(asked, "a failure is its own").toHaveLength(4);
    asked[3]?.resolve([7]);
    expect(await second).toEqual([7]);
  });
});
