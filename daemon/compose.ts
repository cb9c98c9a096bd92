import { PeerError } from "../src/errors.ts";
import type { RoleName } from "../src/protocol/control.ts";
import type { StartRole } from "./lifecycle.ts";
import { startProxy } from "./proxy/proxy.ts";

/** What each role of the daemon is made of. */
export const roles: Readonly<Record<RoleName, StartRole>> = {
  network: missing("network"),
  host: missing("host"),
  proxy: startProxy,
};

function missing(role: RoleName): StartRole {
  return async () => {
    throw new PeerError("unexpected", `This build has no ${role} daemon.`);
  };
}
