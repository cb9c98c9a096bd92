import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { roles } from "../../../daemon/compose.ts";
import { systemClock } from "../../../src/clock.ts";
import { silentLog } from "../../../src/log.ts";
import { homeAt } from "../../../src/paths.ts";
import { PayPalSimulator } from "../../paypal-simulator/simulator.ts";
import { temporaryFolder } from "../../worlds/command.ts";

const { signal } = new AbortController();

/** The events that a network warns of while it starts, which it does with PayPal at `url`. */
async function warningsOfStart(url: string, clientId: string, clientSecret: string): Promise<string[]> {
  vi.stubEnv("PAYPAL_BASE_URL", url);
  vi.stubEnv("PAYPAL_CLIENT_ID", clientId);
  vi.stubEnv("PAYPAL_CLIENT_SECRET", clientSecret);
  onTestFinished(() => void vi.unstubAllEnvs());
  const events: string[] = [];
  const network = await roles.network(
    { port: 0, billing: "paypal" },
    {
      home: homeAt(join(await temporaryFolder(), "home")),
      clock: systemClock,
      log: { ...silentLog, warn: (event) => void events.push(event) },
      signal,
      reportProgress: () => {},
      fail: () => {},
    },
  );
  await network.close();
  return events;
}

test("a network whose credentials PayPal does not accept does not start, and says which they are", async () => {
  const simulator = await PayPalSimulator.start();
  onTestFinished(() => simulator.close());
  const { url, clientId, clientSecret } = simulator;
  await expect(warningsOfStart(url, clientId, "mistyped")).rejects.toMatchObject({
    code: "config_invalid",
    message: expect.stringMatching(/PAYPAL_CLIENT_ID.*PAYPAL_CLIENT_SECRET/),
  });
  expect(await warningsOfStart(url, clientId, clientSecret)).toEqual([]);
});

test("a network that can't reach PayPal starts all the same, and warns", async () => {
  const simulator = await PayPalSimulator.start();
  const { url, clientId, clientSecret } = simulator;
  await simulator.close();
  expect(await warningsOfStart(url, clientId, clientSecret)).toContain("paypal-unreachable");
});
