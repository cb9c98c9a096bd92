import { readFile } from "node:fs/promises";
import { ifThere } from "../if-there.ts";
import { createPrivateFile } from "../private-file.ts";
import { generateKeyPair, type KeyPair, keyPairFromPem } from "./key.ts";

/** The key kept in `file` (mode 0600), made on first use. Two processes that race for the first use end with one key. */
export async function loadOrCreateKeyPair(file: string): Promise<KeyPair> {
  const existing = await ifThere(readFile(file, "utf8"));
  if (existing !== null) return keyPairFromPem(existing);
  await createPrivateFile(file, generateKeyPair().exportPem());
  return keyPairFromPem(await readFile(file, "utf8"));
}
