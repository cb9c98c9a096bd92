import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A folder with these files in it, by path; gone after `remove`. */
export interface Folder {
  readonly path: string;
  file(name: string): string;
  write(name: string, content: string | Uint8Array): Promise<string>;
  remove(): Promise<void>;
}

export async function temporaryFolder(files: Readonly<Record<string, string | Uint8Array>> = {}): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "peerllm-"));
  const file = (name: string) => join(path, name);
  const write = async (name: string, content: string | Uint8Array) => {
    await mkdir(dirname(file(name)), { recursive: true });
    await writeFile(file(name), content);
    return file(name);
  };
  for (const [name, content] of Object.entries(files)) await write(name, content);
  return { path, file, write, remove: () => rm(path, { recursive: true, force: true }) };
}
