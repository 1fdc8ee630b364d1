import { open, rename, rm, stat } from "node:fs/promises";
import { Failure } from "@thulium-stream/contracts";

/** Moves a finished draft to its path, synced to the medium first (P2). Returns its size in bytes. */
export async function publishDraft(draft: string, path: string): Promise<number> {
  const handle = await open(draft, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, path);
  return (await stat(path)).size;
}

/** Removes a draft; one that is not there is no error. */
export async function dropDraft(draft: string): Promise<void> {
  await rm(draft, { force: true });
}

/** Translates what a file of an encoder met while doing `what`: full disk, missing folder, out of memory. A Failure passes through. */
export function fileFailureOf(error: unknown, what: string): Failure {
  if (error instanceof Failure) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (/ENOENT|EACCES|EPERM|EROFS|ENOTDIR/.test(message))
    return new Failure("Forbidden", `${what} failed: ${message}`, {
      cause: error,
      advice: "Check that the folder is there and this user may write to it.",
    });
  if (/ENOSPC|EDQUOT|EIO|EMFILE|No space left|out of memory/i.test(message))
    return new Failure("Unavailable", `${what} failed: ${message}`, {
      cause: error,
      advice: "Make room on the disk of STATE_DIR, or give the process more memory.",
    });
  return new Failure("Invariant", `${what} failed: ${message}`, { cause: error });
}
