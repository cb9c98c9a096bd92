import { render } from "ink-testing-library";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { NetworkView } from "../../../commands/views/NetworkView.tsx";
import { networkStatus } from "../../worlds/network-status.ts";

/** Waits as long as a busy machine may need. */
async function shows(isShown: () => void): Promise<void> {
  await vi.waitFor(isShown, { timeout: 30_000 });
}

async function shown(hosts: number) {
  const screen = render(<NetworkView read={async () => networkStatus(hosts)} />);
  onTestFinished(() => screen.unmount());
  await shows(() => expect(screen.lastFrame()).toContain("7420"));
  return screen;
}

describe("the network's screen", () => {
  it("shows its requests and hosts, the busiest first", async () => {
    const screen = await shown(6);
    const frame = screen.lastFrame() ?? "";
    expect(frame).toContain("1 active, 2 queued, 3 done, 4 failed, 5 refused");
    expect(frame.indexOf("0004xxx")).toBeLessThan(frame.indexOf("0003xxx"));
  });

  it("fits a terminal of 24 lines with a thousand hosts, and scrolls", async () => {
    const screen = await shown(1_000);
    expect((screen.lastFrame() ?? "").split("\n").length).toBeLessThanOrEqual(24);
    screen.stdin.write("\u001B[B");
    await shows(() => expect(screen.lastFrame()).toContain("2–12 of 1000"));
  });

  it("takes keys that come all at once one by one", async () => {
    const screen = await shown(30);
    screen.stdin.write("ss/0007");
    await shows(() => expect(screen.lastFrame()).toContain("filter: 0007▏"));
    screen.stdin.write("\r");
    await shows(() => expect(screen.lastFrame()).toContain('"0007" 1–1 of 1 · by owner'));
    screen.stdin.write("\u001B");
    await shows(() => expect(screen.lastFrame()).toContain("1–11 of 30"));
  });
});
