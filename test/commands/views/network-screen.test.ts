import { describe, expect, test } from "vitest";
import type { NetworkStatus } from "../../../src/protocol/control-methods.ts";
import { temporaryFolder } from "../../worlds/command.ts";
import { networkHome } from "../../worlds/network-home.ts";
import { networkStatus, statusTime } from "../../worlds/network-status.ts";
import { hasTmux, needsTmux, openTerminal } from "../../worlds/terminal.ts";
import { watching } from "../../worlds/watching.ts";

const slow = 240_000;
const words = ["network", "status", "--watch"];

/** A network whose state the test may change, and a home to look at it from. */
async function watchedNetwork(hosts: number) {
  const network: { status: NetworkStatus } = { status: networkStatus(hosts) };
  return { network, home: await networkHome({ status: async () => network.status }) };
}

function widest(lines: readonly string[]): number {
  return Math.max(...lines.map((line) => line.length));
}

describe.runIf(hasTmux)(`the network's screen in a terminal${needsTmux}`, () => {
  test(
    "shows a thousand hosts in 80×24 and 120×40, and after resizing leaves nothing of the other size",
    async () => {
      const { home } = await watchedNetwork(1_000);
      const terminal = await openTerminal(words, { home, columns: 80, rows: 24 });
      const small = await terminal.until(/q quit/);
      expect(small).toMatchInlineSnapshot(`
        "http://127.0.0.1:7420 credits · 800 of 1000 hosts serving · 30 accounts
        requests 1 active, 2 queued, 3 done, 4 failed, 5 refused
        requests/s      2.0 ▂▄▆█·▂▄▆█·▂▄▆█·▂▄▆█·▂▄▆█ first text p50 420 ms, p95 127.9 s
        tokens/s      535.0 ▅▆▆▆▆▆▆▆▆▇▇▇▇▇▇▇████████ failovers 6
        SETTLED        CONSUMERS PAID            HOSTS        PRODUCERS          NETWORK
        last minute             $0.05          $0.0475            $0.00          $0.0025
        today                  $12.50           $11.40            $0.50            $0.60
        HOST       STATE    BUSY↓    TOK/S  OWNER      MODELS
        0004xxxxx… serving  4/4         14  0004xxxxx… peerllm/demo:1.0.0 acme/tiny:1.2…
        0009xxxxx… paused   4/4         19  unvouched  peerllm/demo:1.0.0
        0014xxxxx… serving  4/4         24  0014xxxxx… peerllm/demo:1.0.0 acme/tiny:1.2…
        0019xxxxx… paused   4/4         29  0019xxxxx… peerllm/demo:1.0.0 acme/tiny:1.2…
        0024xxxxx… serving  4/4         34  unvouched  peerllm/demo:1.0.0
        0029xxxxx… paused   4/4         39  0000xxxxx… peerllm/demo:1.0.0 acme/tiny:1.2…
        0034xxxxx… serving  4/4         44  0005xxxxx… peerllm/demo:1.0.0 acme/tiny:1.2…
        0039xxxxx… paused   4/4         49  unvouched  peerllm/demo:1.0.0
        0044xxxxx… serving  4/4         54  0015xxxxx… peerllm/demo:1.0.0 acme/tiny:1.2…
        0049xxxxx… paused   4/4         59  0020xxxxx… peerllm/demo:1.0.0 acme/tiny:1.2…
        0054xxxxx… serving  4/4         64  unvouched  peerllm/demo:1.0.0
        12:00:05 host 0008xxxxxx failed a subtask: over to another
        12:00:05 host 0008xxxxxx failed again and again: breaker open
        12:01:01 host 0009xxxxxx left
        12:01:02 a host was refused
        1–11 of 1000 · by load · ↑↓ scroll · s sort · / filter · q quit"
      `);
      expect(await terminal.lines()).toHaveLength(24);
      expect(widest(await terminal.lines())).toBeLessThanOrEqual(80);

      await terminal.resize(120, 40);
      const large = await terminal.until(/1–26 of 1000/);
      expect(large).toMatchInlineSnapshot(`
        "http://127.0.0.1:7420 credits · 800 of 1000 hosts serving · 30 accounts
        requests 1 active, 2 queued, 3 done, 4 failed, 5 refused
        requests/s      2.0 ·····················▂▄▆█·▂▄▆█·▂▄▆█·▂▄▆█·▂▄▆█·▂▄▆█·▂▄▆█·▂▄▆█ first text p50 420 ms, p95 127.9 s
        tokens/s      535.0 ·▁▁▁▁▁▁▁▂▂▂▂▂▂▂▃▃▃▃▃▃▃▃▄▄▄▄▄▄▄▅▅▅▅▅▅▅▆▆▆▆▆▆▆▆▇▇▇▇▇▇▇████████ failovers 6
        SETTLED        CONSUMERS PAID            HOSTS        PRODUCERS          NETWORK
        last minute             $0.05          $0.0475            $0.00          $0.0025
        today                  $12.50           $11.40            $0.50            $0.60
        HOST                       STATE    BUSY↓    TOK/S  OWNER                      MODELS
        0004xxxxxxxxxxxxxxxxxxxxxx serving  4/4         14  0004xxxxxxxxxxxxxxxxxxxxxx peerllm/demo:1.0.0 acme/tiny:1.2.0
        0009xxxxxxxxxxxxxxxxxxxxxx paused   4/4         19  unvouched                  peerllm/demo:1.0.0
        0014xxxxxxxxxxxxxxxxxxxxxx serving  4/4         24  0014xxxxxxxxxxxxxxxxxxxxxx peerllm/demo:1.0.0 acme/tiny:1.2.0 acme/…
        0019xxxxxxxxxxxxxxxxxxxxxx paused   4/4         29  0019xxxxxxxxxxxxxxxxxxxxxx peerllm/demo:1.0.0 acme/tiny:1.2.0
        0024xxxxxxxxxxxxxxxxxxxxxx serving  4/4         34  unvouched                  peerllm/demo:1.0.0
        0029xxxxxxxxxxxxxxxxxxxxxx paused   4/4         39  0000xxxxxxxxxxxxxxxxxxxxxx peerllm/demo:1.0.0 acme/tiny:1.2.0 acme/…
        0034xxxxxxxxxxxxxxxxxxxxxx serving  4/4         44  0005xxxxxxxxxxxxxxxxxxxxxx peerllm/demo:1.0.0 acme/tiny:1.2.0
        0039xxxxxxxxxxxxxxxxxxxxxx paused   4/4         49  unvouched                  peerllm/demo:1.0.0
        0044xxxxxxxxxxxxxxxxxxxxxx serving  4/4         54  0015xxxxxxxxxxxxxxxxxxxxxx peerllm/demo:1.0.0 acme/tiny:1.2.0 acme/…
        0049xxxxxxxxxxxxxxxxxxxxxx paused   4/4         59  0020xxxxxxxxxxxxxxxxxxxxxx peerllm/demo:1.0.0 acme/tiny:1.2.0
        0054xxxxxxxxxxxxxxxxxxxxxx serving  4/4         64  unvouched                  peerllm/demo:1.0.0
        0059xxxxxxxxxxxxxxxxxxxxxx paused   4/4         69  0001xxxxxxxxxxxxxxxxxxxxxx peerllm/demo:1.0.0 acme/tiny:1.2.0 acme/…
        0064xxxxxxxxxxxxxxxxxxxxxx serving  4/4         74  0006xxxxxxxxxxxxxxxxxxxxxx peerllm/demo:1.0.0 acme/tiny:1.2.0
        0069xxxxxxxxxxxxxxxxxxxxxx paused   4/4         79  unvouched                  peerllm/demo:1.0.0
        0074xxxxxxxxxxxxxxxxxxxxxx serving  4/4         84  0016xxxxxxxxxxxxxxxxxxxxxx peerllm/demo:1.0.0 acme/tiny:1.2.0 acme/…
        0079xxxxxxxxxxxxxxxxxxxxxx paused   4/4         89  0021xxxxxxxxxxxxxxxxxxxxxx peerllm/demo:1.0.0 acme/tiny:1.2.0
        0084xxxxxxxxxxxxxxxxxxxxxx serving  4/4         94  unvouched                  peerllm/demo:1.0.0
        0089xxxxxxxxxxxxxxxxxxxxxx paused   4/4         99  0002xxxxxxxxxxxxxxxxxxxxxx peerllm/demo:1.0.0 acme/tiny:1.2.0 acme/…
        0094xxxxxxxxxxxxxxxxxxxxxx serving  4/4        104  0007xxxxxxxxxxxxxxxxxxxxxx peerllm/demo:1.0.0 acme/tiny:1.2.0
        0099xxxxxxxxxxxxxxxxxxxxxx paused   4/4        109  unvouched                  peerllm/demo:1.0.0
        0104xxxxxxxxxxxxxxxxxxxxxx serving  4/4        114  0017xxxxxxxxxxxxxxxxxxxxxx peerllm/demo:1.0.0 acme/tiny:1.2.0 acme/…
        0109xxxxxxxxxxxxxxxxxxxxxx paused   4/4        119  0022xxxxxxxxxxxxxxxxxxxxxx peerllm/demo:1.0.0 acme/tiny:1.2.0
        0114xxxxxxxxxxxxxxxxxxxxxx serving  4/4        124  unvouched                  peerllm/demo:1.0.0
        0119xxxxxxxxxxxxxxxxxxxxxx paused   4/4        129  0003xxxxxxxxxxxxxxxxxxxxxx peerllm/demo:1.0.0 acme/tiny:1.2.0 acme/…
        0124xxxxxxxxxxxxxxxxxxxxxx serving  4/4        134  0008xxxxxxxxxxxxxxxxxxxxxx peerllm/demo:1.0.0 acme/tiny:1.2.0
        0129xxxxxxxxxxxxxxxxxxxxxx paused   4/4        139  unvouched                  peerllm/demo:1.0.0
        12:00:00 host 0007xxxxxx joined
        12:00:05 host 0008xxxxxx failed a subtask: over to another
        12:00:05 host 0008xxxxxx failed again and again: breaker open
        12:01:01 host 0009xxxxxx left
        12:01:02 a host was refused
        1–26 of 1000 · by load · ↑↓ scroll · s sort · / filter · q quit"
      `);
      expect(widest(await terminal.lines())).toBeLessThanOrEqual(120);

      await terminal.resize(80, 24);
      await terminal.until((screen) => screen.trimEnd() === small);
      await terminal.resize(120, 40);
      await terminal.until((screen) => screen.trimEnd() === large);
    },
    slow,
  );

  test(
    "scrolls, sorts and filters by key, also when keys come all at once, and gives the terminal back",
    async () => {
      const { home } = await watchedNetwork(1_000);
      const terminal = await openTerminal(words, { home, columns: 80, rows: 24 });
      await terminal.until(/1–11 of 1000 · by load/);
      await terminal.press("Down", "Down", "Down");
      await terminal.until(/4–14 of 1000/);
      await terminal.press("PageDown", "Up");
      await terminal.until(/14–24 of 1000/);
      await terminal.press("End");
      await terminal.until(/990–1000 of 1000/);
      await terminal.press("Home", "s");
      expect(await terminal.until(/1–11 of 1000 · by speed/)).toMatch(/MODELS\n0999xxxxx… paused +4\/4 +1009 /);
      await terminal.press("s", "s");
      expect(await terminal.until(/by state/)).toMatch(/MODELS\n\S+ degraded/);
      await terminal.press("/large-instruct");
      await terminal.until(/filter: large-instruct▏ 1–11 of 333/);
      await terminal.press("Enter", "q");
      const after = await terminal.until(/Ended with/);
      expect(after).toBe("Before it.\nEnded with 0.");
    },
    slow,
  );

  test(
    "shows fewer hosts, then less of the rest, and always its keys where a terminal is low",
    async () => {
      const { home } = await watchedNetwork(1_000);
      const terminal = await openTerminal(words, { home, columns: 80, rows: 14 });
      const firstWords = (screen: string) =>
        screen
          .trimEnd()
          .split("\n")
          .map((line) => line.split(" ")[0])
          .join(" ");
      const [requests, money] = ["requests requests/s tokens/s", "SETTLED last today"];
      const [title, header, keys] = ["http://127.0.0.1:7420", "HOST", "· s sort · / filter · q quit"];
      for (const [rows, shown] of [
        [14, `${title} ${requests} ${money} ${header} 0004xxxxx… 0009xxxxx… 0014xxxxx… 0019xxxxx… 12:01:02 1–4`],
        [11, `${title} ${requests} ${money} ${header} 0004xxxxx… 12:01:02 1–1`],
        [10, `${title} ${requests} ${money} ${header} 0004xxxxx… 1–1`],
        [9, `${title} ${requests} ${header} 0004xxxxx… 0009xxxxx… 0014xxxxx… 1–3`],
        [7, `${title} ${requests} ${header} 0004xxxxx… 1–1`],
        [6, `${title} ${requests} 0004xxxxx… 1–1`],
        [4, `${title} requests 0004xxxxx… 1–1`],
        [3, `${title} 0004xxxxx… 1–1`],
        [2, `${title} 1–1`],
        [1, "1–1"],
      ] as const) {
        await terminal.resize(80, rows);
        const screen = await terminal.until((now) => firstWords(now) === shown && now.trimEnd().endsWith(keys));
        expect(screen.split("\n")).toHaveLength(rows);
      }
      await terminal.resize(80, 14);
      await terminal.until(/1–4 of 1000/);
      await terminal.press("q");
      await terminal.until(/Ended with 0/);
    },
    slow,
  );

  test(
    "colours nothing with NO_COLOR",
    async () => {
      const { home } = await watchedNetwork(12);
      const coloured = await openTerminal(words, { home, columns: 80, rows: 24 });
      await coloured.until(/q quit/);
      expect(await coloured.coloured()).toContain("\u001B[");
      const plain = await openTerminal(words, { home, columns: 80, rows: 24, env: { NO_COLOR: "1" } });
      await plain.until(/q quit/);
      expect(await plain.coloured()).not.toContain("\u001B");
    },
    slow,
  );

  test(
    "keeps what it knew when the network doesn't answer, says so, and goes on when it does",
    async () => {
      let isAnswering = true;
      const home = await networkHome({
        status: async () => {
          if (!isAnswering) throw new Error("Not now.");
          return networkStatus(3);
        },
      });
      const terminal = await openTerminal(words, { home, columns: 80, rows: 24 });
      await terminal.until(/2 of 3 hosts|3 of 3 hosts/);
      isAnswering = false;
      const lost = await terminal.until(/not read since \d\d:\d\d:\d\d: Something unexpected/);
      expect(lost).toContain("1–3 of 3");
      isAnswering = true;
      await terminal.until((screen) => !screen.includes("not read"));
    },
    slow,
  );

  test(
    "gives the terminal back and says why where there is no network to look at",
    async () => {
      const home = await temporaryFolder();
      const terminal = await openTerminal(words, { home, columns: 80, rows: 24 });
      expect(await terminal.until(/Ended with 4/)).toMatch(
        /^Before it\.\npeerllm: No network's orchestrator is running/,
      );
    },
    slow,
  );
});

test("without a terminal it is one line per change", { timeout: slow }, async () => {
  const { network, home } = await watchedNetwork(3);
  const piped = watching(words, home);
  await piped.until("\n");
  network.status = { ...network.status, failovers: 7 };
  await piped.until("7 failovers");
  const { events } = network.status;
  const paused = { at: statusTime + 63_000, kind: "host-paused", hostId: events[0]?.hostId ?? null } as const;
  network.status = { ...network.status, events: [...events.slice(1), paused, { ...paused, kind: "host-resumed" }] };
  await piped.until("takes work again");
  const told = "3 hosts serving, 1 active, 2 queued, 3 completed, 4 failed, 30 tokens";
  const settled = "$12.50 settled today";
  expect(await piped.stop()).toEqual({
    code: 0,
    stdout: [
      `TIME  ${told}, 6 failovers, ${settled}, 12:01:02 a host was refused\n`,
      `TIME  ${told}, 7 failovers, ${settled}\n`,
      `TIME  ${told}, 7 failovers, ${settled}, 12:01:03 host 0007xxxxxx takes no more work, 12:01:03 host 0007xxxxxx takes work again\n`,
    ].join(""),
  });
});
