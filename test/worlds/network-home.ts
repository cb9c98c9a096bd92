import { mkdir } from "node:fs/promises";
import { onTestFinished } from "vitest";
import { type ControlHandler, serveControl } from "../../daemon/control/server.ts";
import { ownIdentity } from "../../src/client/process-identity.ts";
import { runRecordPath, socketPath } from "../../src/client/run-record.ts";
import { silentLog } from "../../src/log.ts";
import { homeAt } from "../../src/paths.ts";
import { writePrivateFile } from "../../src/private-file.ts";
import { networkMethods } from "../../src/protocol/control-methods.ts";
import { temporaryFolder } from "./command.ts";

/** A home in which this process answers as the network's daemon, until the test is over: commands take it for one. */
export async function networkHome(handlers: Readonly<Record<string, ControlHandler>>): Promise<string> {
  const root = await temporaryFolder();
  const home = homeAt(root);
  await mkdir(home.runDirectory, { recursive: true });
  const socket = socketPath(home, "network");
  const server = await serveControl({ path: socket, handlers, schemas: networkMethods, log: silentLog });
  onTestFinished(() => server.close());
  const record = { role: "network", ...ownIdentity(0), version: "0", socket, ready: {} };
  await writePrivateFile(runRecordPath(home, "network"), JSON.stringify(record));
  return root;
}
