import * as z from "zod";
import { PeerError } from "../../src/errors.ts";
import type { PublicKey } from "../../src/identity/key.ts";
import { readIfThere } from "../../src/if-there.ts";
import { writePrivateFile } from "../../src/private-file.ts";

const knownSchema = z.record(z.string(), z.string());

/** The orchestrators' keys a host has met, by address. The first meeting is trusted; from then on the key must be the same. */
export class KnownNetworks {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Throws `authentication_failed` where another key answers at a known address, `config_invalid` for a damaged file. */
  async trust(url: string, publicKey: PublicKey): Promise<void> {
    const known = await this.#read();
    const expected = known[url];
    if (expected === publicKey) return;
    if (expected !== undefined) {
      throw new PeerError("authentication_failed", `The orchestrator at ${url} is not the one this host knows.`, {
        hint: `If its operator replaced its key, remove ${url} from ${this.#path} and try again.`,
      });
    }
    await writePrivateFile(this.#path, JSON.stringify({ ...known, [url]: publicKey }, null, 2));
  }

  async #read(): Promise<z.output<typeof knownSchema>> {
    const json = await readIfThere(this.#path);
    if (json === null) return {};
    try {
      return knownSchema.parse(JSON.parse(json));
    } catch (cause) {
      throw new PeerError(
        "config_invalid",
        `"${this.#path}" is damaged: it says which orchestrators this host knows.`,
        {
          cause,
          hint: "Put a copy of it back. Where it is removed, whoever answers at an address next is trusted anew.",
        },
      );
    }
  }
}
