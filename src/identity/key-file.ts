import { readFile } from "node:fs/promises";
import { PeerError } from "../errors.ts";
import { readIfThere } from "../if-there.ts";
import { createPrivateFile } from "../private-file.ts";
import { generateKeyPair, type KeyPair, keyPairFromPem } from "./key.ts";

/**
 * The key kept in `file` (mode 0600), made on first use. Two processes that race for the first use end with one key.
 * Throws `config_invalid` for a damaged file.
 */
export async function loadOrCreateKeyPair(file: string): Promise<KeyPair> {
  const existing = await readIfThere(file);
  if (existing === null) await createPrivateFile(file, generateKeyPair().exportPem());
  const pem = existing ?? (await readFile(file, "utf8"));
  try {
    return keyPairFromPem(pem);
  } catch (cause) {
    throw new PeerError("config_invalid", `"${file}" is damaged: it holds no Ed25519 key in PEM.`, {
      cause,
      hint: "Put a copy of it back. Where it is removed, a new key is made: to others that is another host, or network.",
    });
  }
}
