import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** Where downloaded servers are kept: `$XDG_CACHE_HOME/thulium-stream`, else `~/.cache/thulium-stream`. */
export function cacheFolder(): string {
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "thulium-stream");
}

/**
 * The cached folder `name`, filled by `fill` when it is not there. `fill` works in a folder beside it that
 * is renamed once complete, so an interrupted download leaves nothing that looks complete; of two processes
 * filling at once the first to finish wins and the other's copy is dropped.
 */
export async function cached(
  name: string,
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = join(cacheFolder(), name);
  if (existsSync(folder)) return folder;
  await mkdir(dirname(folder), { recursive: true });
  const draft = await mkdtemp(`${folder}.partial-`);
  try {
    await fill(draft);
    await rename(draft, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return folder;
}
