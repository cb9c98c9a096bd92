import { isPeerError } from "../src/errors.ts";
import { roleNames } from "../src/protocol/control.ts";
import { roles } from "./compose.ts";
import { runDaemon } from "./lifecycle.ts";

const role = roleNames.find((name) => name === process.argv[2]);
if (role === undefined) {
  process.stderr.write(`Not a role: "${process.argv[2] ?? ""}". Daemons are started by peerllm's commands.\n`);
  process.exit(2);
}

try {
  await runDaemon(role, roles[role]);
} catch (error) {
  process.stderr.write(`${isPeerError(error) ? error.message : "The daemon could not be started."}\n`);
  process.exit(2);
}
