import { describe, expect, it } from "vitest";
import type { HostedModel } from "../../../daemon/host/served-models.ts";
import { type SeenSubtask, SubtaskFeed } from "../../../daemon/host/subtask-feed.ts";
import type { RunFrame } from "../../../daemon/host/subtask-runner.ts";
import { newId } from "../../../src/ids.ts";
import { silentLog } from "../../../src/log.ts";
import type { Tokenizers } from "../../../src/pipeline/ports.ts";
import { letterTokenizers } from "../../worlds/dispatch-simulation.ts";

const digest = `sha256:${"ab".repeat(32)}`;
const counts = { promptTokens: 3, completionTokens: 5 };

/** Counts how often a text is made of tokens. */
function watchedTokenizers() {
  let asked = 0;
  const verbalise: Tokenizers["verbalise"] = (file, stop) => {
    asked += 1;
    return letterTokenizers.verbalise(file, stop);
  };
  return { tokenizers: { ...letterTokenizers, verbalise }, asked: () => asked };
}

function run(changes: Partial<RunFrame> = {}): RunFrame {
  return {
    type: "run",
    subtask: newId("subtask"),
    epoch: 1,
    digest,
    prompt: { kind: "tokens", tokens: [72, 105] },
    resumedTokens: [],
    sampling: { temperature: 0, topP: 1, seed: 1, maxTokens: 8, stop: [] },
    cacheKey: "key",
    ...changes,
  };
}

const model: HostedModel = {
  reference: "acme/tiny:1.0.0",
  digest,
  weights: { kind: "file", file: "/models/tiny.gguf" },
  sizeBytes: 1,
  contextLength: 1_024,
};

function feedOf(tokenizers: Tokenizers = letterTokenizers): SubtaskFeed {
  return new SubtaskFeed(tokenizers, silentLog, (wanted) => (wanted === digest ? model : undefined));
}

/** What a watcher sees from now on, as it is read. */
function watcher(feed: SubtaskFeed, signal: AbortSignal = new AbortController().signal) {
  const seen = feed.watch(signal);
  const first = seen.next();
  let isFirst = true;
  return {
    async next(): Promise<SeenSubtask | undefined> {
      const step = isFirst ? await first : await seen.next();
      isFirst = false;
      return step.done === true ? undefined : step.value;
    },
    leave: () => seen.return(),
  };
}

describe("a host's feed of its subtasks", () => {
  it("counts what was served, whether anybody watches or not", () => {
    const feed = feedOf();
    feed.began(run());
    feed.ended(run(), counts);
    feed.ended(run(), counts);
    expect(feed.served).toEqual({ subtasks: 2, promptTokens: 6, completionTokens: 10 });
  });

  it.each<readonly [string, RunFrame["prompt"], string]>([
    ["tokens", { kind: "tokens", tokens: [72, 105] }, "Hi"],
    ["text", { kind: "text", text: "Hi there" }, "Hi there"],
    ["a conversation", { kind: "chat", messages: [{ role: "user", content: "Hi" }] }, "Hi"],
  ])("shows the prompt as it came, as %s, and what it took", async (_, prompt, text) => {
    const feed = feedOf();
    const watching = watcher(feed);
    const frame = run({ prompt });
    const seen = { subtaskId: frame.subtask, model: model.reference };
    feed.began(frame);
    expect(await watching.next()).toEqual({ kind: "begin", ...seen, prompt: text });
    feed.ended(frame, counts);
    expect(await watching.next()).toEqual({ kind: "end", ...seen, ...counts });
  });

  it("makes no text of a prompt that nobody watches, also once the watcher has left", async () => {
    const { tokenizers, asked } = watchedTokenizers();
    const feed = feedOf(tokenizers);
    feed.began(run());
    const watching = watcher(feed);
    feed.began(run());
    expect(await watching.next()).toMatchObject({ kind: "begin" });
    await watching.leave();
    feed.began(run());
    expect(asked()).toBe(1);
  });

  it("shows the same to all who watch", async () => {
    const feed = feedOf();
    const [one, other] = [watcher(feed), watcher(feed)];
    feed.ended(run(), counts);
    expect(await one.next()).toEqual(await other.next());
  });

  it("drops what a watcher does not read rather than keep it without end, and fails nobody", async () => {
    const feed = feedOf();
    const watching = watcher(feed);
    for (let count = 0; count < 5_000; count += 1) feed.ended(run(), counts);
    expect(feed.served.subtasks).toBe(5_000);
    let read = 0;
    const leaving = new AbortController();
    const other = watcher(feed, leaving.signal);
    for (; read < 1_024; read += 1) expect(await watching.next()).toMatchObject({ kind: "end" });
    // The next that it sees is one from now, not one of those that were dropped.
    const last = run();
    feed.ended(last, counts);
    expect(await watching.next()).toMatchObject({ subtaskId: last.subtask });
    leaving.abort();
    expect(await other.next()).toMatchObject({ subtaskId: last.subtask });
  });

  it("ends with its watcher's signal", async () => {
    const leaving = new AbortController();
    const watching = watcher(feedOf(), leaving.signal);
    leaving.abort();
    expect(await watching.next()).toBeUndefined();
  });

  it("outlives a prompt that can't be made text", async () => {
    const broken = { ...letterTokenizers, verbalise: () => Promise.reject(new Error("no such file")) };
    const feed = feedOf(broken);
    const watching = watcher(feed);
    feed.began(run());
    feed.ended(run(), counts);
    expect(await watching.next()).toMatchObject({ kind: "end" });
  });
});
