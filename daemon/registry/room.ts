import { mkdir, readdir, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PeerError } from "../../src/errors.ts";
import { ifThere } from "../../src/if-there.ts";

/** The disk that uploads share, each account's in a folder of its own. */
export interface Room {
  /**
   * Whether the file may grow to that size. An account's files may take half of what is free and their own: one account
   * alone does not keep all others out. Throws `insufficient_quota` where they would take more, or `storage_failed`
   * where the disk has not that much.
   */
  require(file: string, sizeBytes: number): Promise<void>;
  /** As `require`, and keeps the room for it until it is released: a fetch fills it up later. */
  reserve(file: string, sizeBytes: number): Promise<void>;
  release(file: string): void;
}

const filesPerAccountMax = 64;
/** What the network's own database is left. */
const freeBytesMin = 1_073_741_824;

export function openRoom(): Room {
  const reserved = new Map<string, number>();

  /** Without what the database is left, and what others have reserved and not filled yet. */
  async function freeBytes(file: string): Promise<number> {
    const { bavail, bsize } = await statfs(dirname(file));
    let free = bavail * bsize - freeBytesMin;
    for (const [other, sizeBytes] of reserved) {
      if (other === file) continue;
      const [whole, part] = [await measure(other), await measure(`${other}.part`)];
      free -= Math.max(0, sizeBytes - Math.max(whole.takenBytes, part.takenBytes));
    }
    return free;
  }

  async function requireRoom(file: string, sizeBytes: number): Promise<void> {
    const folder = dirname(file);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const all = await Promise.all((await readdir(folder)).map((name) => measure(join(folder, name))));
    const own = all.filter(({ path }) => path.startsWith(file));
    const others = all.filter(({ path }) => !path.startsWith(file));
    const free = await freeBytes(file);
    if (sizeBytes > sumOf(own, "takenBytes") + free) {
      throw new PeerError("storage_failed", "The registry's disk is full.");
    }
    const shareBytes = (sumOf(all, "takenBytes") + free) / 2;
    if (sumOf(others, "sizeBytes") + sizeBytes <= shareBytes && all.length <= filesPerAccountMax) return;
    throw new PeerError("insufficient_quota", "This account's unfinished uploads take all the room they may.", {
      hint: "Publish them first; what is left alone goes away after a week. Or ask the network's operator for more room.",
    });
  }

  return {
    require: requireRoom,
    reserve(file, sizeBytes) {
      reserved.set(file, sizeBytes);
      return requireRoom(file, sizeBytes);
    },
    release: (file) => void reserved.delete(file),
  };
}

interface Measure {
  readonly path: string;
  readonly sizeBytes: number;
  /** Of the disk: fewer than its size where it is not filled yet. */
  readonly takenBytes: number;
}

async function measure(path: string): Promise<Measure> {
  const found = await ifThere(stat(path));
  return { path, sizeBytes: found?.size ?? 0, takenBytes: (found?.blocks ?? 0) * 512 };
}

function sumOf(files: readonly Measure[], of: "sizeBytes" | "takenBytes"): number {
  return files.reduce((sum, file) => sum + file[of], 0);
}
