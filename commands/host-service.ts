import { requireUpstream } from "../src/protocol/start.ts";
import { addHostOptions, type HostOptions, hostOptions } from "./host-options.ts";
import { optionFlags } from "./option-flags.ts";
import { requireKeptAccount, type ServiceRole } from "./service-commands.ts";
import type { Session } from "./session.ts";

/** `peerllm host up` as a service. */
export const hostService: ServiceRole<typeof hostOptions> = {
  role: "host",
  group: "host",
  title: "host",
  command: ["host", "up", "--foreground"],
  examples: ["", " --threads 2 --schedule 22:00-07:00"],
  addOptions: addHostOptions,
  options: hostOptions,
  flags,
};

async function flags(session: Session, options: HostOptions): Promise<readonly string[]> {
  requireUpstream({ ...options, isLocal: options.local, models: options.model });
  const { given, networkUrl } = session;
  const own = optionFlags(given, ["model"]);
  if (options.local) return own;
  await requireKeptAccount(session);
  return networkUrl === undefined ? own : ["--network", networkUrl, ...own];
}
