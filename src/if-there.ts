/** What is read of a file or folder; null where that, or a folder above it, isn't there. Throws what else is wrong. */
export async function ifThere<Result>(read: Promise<Result>): Promise<Result | null> {
  try {
    return await read;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Whether the system says that a file, or a folder above it, isn't there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}
