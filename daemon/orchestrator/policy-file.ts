import { isPeerError, PeerError } from "../../src/errors.ts";
import { readIfThere } from "../../src/if-there.ts";
import { writePrivateFile } from "../../src/private-file.ts";
import { defaultPolicy, type Policy, parsePolicy } from "../../src/safety/policy.ts";

/** The network's usage policy, kept in a file of its home; the default until the operator replaces it. */
export class PolicyFile {
  readonly #path: string;
  #current: Policy;

  private constructor(path: string, policy: Policy) {
    this.#path = path;
    this.#current = policy;
  }

  /** Throws `config_invalid` for a file that holds no policy: a network never runs without the one it was given. */
  static async open(path: string): Promise<PolicyFile> {
    return new PolicyFile(path, await readPolicy(path));
  }

  current(): Policy {
    return this.#current;
  }

  /** Takes effect with the next request. Throws `config_invalid`, and keeps the old one. */
  async replace(wanted: unknown): Promise<void> {
    const json = JSON.stringify(wanted, null, 2);
    const policy = parsePolicy(json);
    await writePrivateFile(this.#path, json);
    this.#current = policy;
  }
}

async function readPolicy(path: string): Promise<Policy> {
  const json = await readIfThere(path);
  if (json === null) return defaultPolicy;
  try {
    return parsePolicy(json);
  } catch (cause) {
    if (!isPeerError(cause)) throw cause;
    throw new PeerError("config_invalid", `"${path}" can't be used. ${cause.message}`, {
      cause,
      hint: "Mend it, or put a copy of it back. Where it is removed, the network goes by the default policy.",
    });
  }
}
