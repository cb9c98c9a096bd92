import { render } from "ink-testing-library";
import { describe, expect, it, vi } from "vitest";
import { NetworkView } from "../../../commands/views/NetworkView.tsx";
import { sparkline } from "../../../commands/views/sparkline.ts";
import type { NetworkStatus } from "../../../src/protocol/control-methods.ts";

function status(hosts: number): NetworkStatus {
  return {
    networkId: "network_test",
    url: "http://127.0.0.1:7420",
    pid: 1,
    startedAt: 0,
    billing: "credits",
    isPrivate: false,
    accounts: 3,
    hosts: Array.from({ length: hosts }, (_, index) => ({
      hostId: `host_${String(index).padStart(10, "0")}`,
      owner: `owner-${index % 3}`,
      state: "serving" as const,
      models: ["acme/tiny:1.0.0"],
      sequences: 4,
      activeStreams: index % 5,
      decodeTokensPerSecond: index,
      connectedAt: 0,
    })),
    requests: { active: 1, queued: 2, completed: 3, failed: 4, refused: 5 },
    tokens: { prompt: 10, completion: 20 },
  };
}

async function shown(hosts: number) {
  const screen = render(<NetworkView read={async () => status(hosts)} onFailed={() => {}} />);
  await vi.waitFor(() => expect(screen.lastFrame()).toContain("7420"));
  return screen;
}

describe("the network's screen", () => {
  it("shows its requests and hosts, the busiest first", async () => {
    const screen = await shown(6);
    const frame = screen.lastFrame() ?? "";
    expect(frame).toContain("1 active, 2 queued, 3 done, 4 failed, 5 refused");
    expect(frame.indexOf("0000000004")).toBeLessThan(frame.indexOf("0000000003"));
    screen.unmount();
  });

  it("fits a terminal of 24 lines with a thousand hosts, and scrolls", async () => {
    const screen = await shown(1_000);
    expect((screen.lastFrame() ?? "").split("\n").length).toBeLessThanOrEqual(24);
    const before = screen.lastFrame();
    screen.stdin.write("\u001B[B");
    await vi.waitFor(() => expect(screen.lastFrame()).not.toBe(before));
    screen.unmount();
  });

  it("sorts by another column and filters by what is typed", async () => {
    const screen = await shown(30);
    screen.stdin.write("s");
    await vi.waitFor(() => expect(screen.lastFrame()).toContain("by speed"));
    expect(screen.lastFrame()).toContain("0000000029");
    screen.stdin.write("/");
    await vi.waitFor(() => expect(screen.lastFrame()).toContain("filter: "));
    screen.stdin.write("0000000007");
    await vi.waitFor(() => expect(screen.lastFrame()).not.toContain("0000000029"));
    expect(screen.lastFrame()).toContain("0000000007");
    screen.unmount();
  });
});

describe("a sparkline", () => {
  it("has a bar for each of the last values, the highest full", () => {
    expect(sparkline([0, 1, 2, 4], 3)).toBe("▂▄█");
    expect(sparkline([], 3)).toBe("");
    expect(sparkline([0, 0], 3)).toBe("▁▁");
  });
});
