import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { roles } from "../../daemon/compose.ts";
import { guardOf } from "../../daemon/guard-model.ts";
import { type LlamaEngine, startLlamaEngine } from "../../daemon/llama/engine.ts";
import { systemClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log.ts";
import { homeAt } from "../../src/paths.ts";
import { demoModelFile } from "../worlds/answers.ts";
import { scriptedGuard } from "../worlds/scripted-guard.ts";

const { signal } = new AbortController();
const asked = [{ role: "user" as const, content: "What is a fox?" }];

describe("a guard model", () => {
  let engine: LlamaEngine;

  beforeAll(async () => {
    const settings = { threads: 1, gpu: "off" as const, sequences: 2, contextLength: 2_048 };
    engine = await startLlamaEngine({ modelFile: demoModelFile, ...settings, log: silentLog }, signal);
  }, 120_000);
  afterAll(() => engine.close());

  it("is asked about the last message, whoever wrote it", async () => {
    const scripted = scriptedGuard("nothing");
    await guardOf(scripted)(asked, signal);
    await guardOf(scripted)([...asked, { role: "assistant", content: "An animal." }], signal);
    expect(scripted.passed[0]).toContain("ONLY THE LAST User message");
    expect(scripted.passed[1]).toContain("ONLY THE LAST Agent message");
  });

  it("that answers something else than a verdict lets nothing pass", async () => {
    await expect(guardOf(engine)(asked, signal)).rejects.toMatchObject({ code: "upstream_failed" });
  });

  it("lets nothing pass while its process is dead, and comes back by itself", { timeout: 240_000 }, async () => {
    const { pid } = engine;
    if (pid === undefined) throw new Error("The engine has a process.");
    process.kill(pid, "SIGKILL");
    await expect.poll(() => engine.state()).toBe("restarting");
    await expect(guardOf(engine)(asked, signal)).rejects.toMatchObject({ code: "engine_crashed" });
    await expect.poll(() => engine.state(), { timeout: 150_000 }).toBe("ready");
    await expect(guardOf(engine)(asked, signal)).rejects.toMatchObject({ code: "upstream_failed" });
  });
});

describe("an orchestrator", () => {
  let root: string;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "peerllm-guard-"));
  });
  afterAll(() => rm(root, { recursive: true }));

  function startWith(guardModel: string) {
    const context = {
      home: homeAt(join(root, "home")),
      clock: systemClock,
      log: silentLog,
      signal,
      reportProgress: () => {},
      requestShutdown: () => {},
    };
    return roles.network({ port: 0, guardModel }, context);
  }

  it("does not start with a guard that is no model, and says so", { timeout: 240_000 }, async () => {
    const file = join(root, "guard.gguf");
    await writeFile(file, "not a model");
    await expect(startWith(file)).rejects.toMatchObject({ code: "model_invalid" });
  });

  it("does not start with a guard that is nowhere", async () => {
    await expect(startWith(join(root, "nowhere.gguf"))).rejects.toMatchObject({ code: "model_missing" });
    await expect(startWith("acme/guard:1.0.0")).rejects.toMatchObject({ code: "model_missing" });
  });

  it("starts with a guard model beside it", { timeout: 240_000 }, async () => {
    const network = await startWith(demoModelFile);
    await network.close();
  });
});
