import { join } from "node:path";
import * as z from "zod";
import { PeerError } from "../../src/errors.ts";
import { readIfThere } from "../../src/if-there.ts";
import type { Home } from "../../src/paths.ts";
import { writePrivateFile } from "../../src/private-file.ts";
import { turns } from "../../src/turns.ts";

const pinSchema = z.object({
  /** "sha256:" and 64 hex digits. */
  digest: z.string(),
  /** What it is served by again: its reference, or the path of a file of this machine's. */
  source: z.string(),
  /** Null of a host that serves this machine alone. */
  networkUrl: z.string().nullable(),
});
export type Pin = z.infer<typeof pinSchema>;

const choicesSchema = z.object({
  version: z.literal(1),
  /** Milliseconds since the epoch; `until` is null until resumed. */
  pause: z.object({ until: z.number().nullable() }).nullable(),
  pins: z.array(pinSchema),
});
type ChoicesDocument = z.infer<typeof choicesSchema>;

/** What the owner of a host chose that outlives the host's runs, crashes included. */
export interface Choices {
  readonly pause: ChoicesDocument["pause"];
  readonly pins: readonly Pin[];
  isPinned(digest: string): boolean;
  setPause(pause: ChoicesDocument["pause"]): Promise<void>;
  /** Throws `conflict` for one pin too many. */
  setPin(pin: Pin, isPinned: boolean): Promise<void>;
}

const pinsMax = 256;

/** Reads the choices of a home; each change is written at once. Throws `config_invalid` where the file was damaged. */
export async function openChoices(home: Home): Promise<Choices> {
  const path = join(home.root, "host-choices.json");
  const inTurn = turns();
  let choices = await read(path);
  const change = (changed: Partial<ChoicesDocument>) => {
    choices = { ...choices, ...changed };
    return inTurn(() => writePrivateFile(path, `${JSON.stringify(choices, null, 2)}\n`));
  };
  return {
    get pause() {
      return choices.pause;
    },
    get pins() {
      return choices.pins;
    },
    isPinned: (digest) => choices.pins.some((pin) => pin.digest === digest),
    setPause: (pause) => change({ pause }),
    async setPin(pin, isPinned) {
      const others = choices.pins.filter(({ digest }) => digest !== pin.digest);
      if (isPinned && others.length >= pinsMax)
        throw new PeerError("conflict", `${pinsMax} models are pinned already.`);
      await change({ pins: isPinned ? [...others, pin] : others });
    },
  };
}

async function read(path: string): Promise<ChoicesDocument> {
  const text = await readIfThere(path);
  if (text === null) return { version: 1, pause: null, pins: [] };
  try {
    return choicesSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new PeerError("config_invalid", `"${path}" is damaged.`, {
      cause,
      hint: "Remove it, then pause and pin again.",
    });
  }
}
