import { join } from "node:path";
import * as z from "zod";
import { PeerError } from "../../src/errors.ts";
import { readIfThere } from "../../src/if-there.ts";
import type { Home } from "../../src/paths.ts";
import { writePrivateFile } from "../../src/private-file.ts";

const enrolmentSchema = z.object({ version: z.literal(1), isPrivate: z.boolean() });

/**
 * Whether accounts need an invite: as `said`, which is kept, else as it was before; a new network is open. A network
 * that was private must not open by being started again without a word. Throws `config_invalid` for a damaged file.
 */
export async function keepEnrolment(home: Home, said: boolean | null): Promise<boolean> {
  const path = join(home.root, "enrolment.json");
  if (said === null) return readEnrolment(path);
  await writePrivateFile(path, JSON.stringify({ version: 1, isPrivate: said }));
  return said;
}

async function readEnrolment(path: string): Promise<boolean> {
  const text = await readIfThere(path);
  if (text === null) return false;
  try {
    return enrolmentSchema.parse(JSON.parse(text)).isPrivate;
  } catch (cause) {
    throw new PeerError("config_invalid", `"${path}" can't be read: it doesn't say who may join the network.`, {
      cause,
      hint: "Start the network with --private or --no-private, which writes it anew.",
    });
  }
}
