import { link, readdir, readFile, rename, rmdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import {
  Failure,
  isFailure,
  type ObjectBody,
  type ObjectEntry,
  type ObjectStore,
} from "@thulium-stream/contracts";
import { checkKey, checkPrefix, compareKeys } from "../object-key.ts";
import { makeFolderDurably, removeFile, syncFolder, writeDurably } from "./durable-write.ts";
import { failureOf, systemCode } from "./failures.ts";

/** Folder of files being written, inside the store's own so that a link or rename stays within one file system. */
const uploads = ".uploads";

/** A file left in {@link uploads} by a crash is removed after this long, in milliseconds (1 day). */
const leftoverAgeMs = 86_400_000;

/** How often a put starts again because another process removed the emptied folder under it. */
const mostFolderRaces = 20;

/** Options of {@link openDirectoryStore}. */
export interface DirectoryStoreOptions {
  /** Where the objects live; created when missing. Relative paths start at the working directory. */
  readonly folder: string;
  /** Unique names for files being written. */
  readonly newId: () => string;
}

/**
 * Opens a folder as an object store (O1–O8): each object is a file of the same relative path, written aside, synced
 * to the medium and then moved (`put`) or hard-linked (`putIfAbsent`) into place, so any number of processes on
 * one machine may share it. Keys that begin with `.uploads/` are its own.
 * @throws Failure `InvalidSettings` when the path cannot be a folder or has no hard links, `Forbidden` when this user may not write there, `Unavailable` (full disk).
 */
export async function openDirectoryStore(options: DirectoryStoreOptions): Promise<ObjectStore> {
  const store = new DirectoryStore(resolve(options.folder), options.newId);
  await store.prepare();
  return store;
}

class DirectoryStore implements ObjectStore {
  readonly #folder: string;
  readonly #newId: () => string;
  readonly baseUri: string;
  #closed = false;

  constructor(folder: string, newId: () => string) {
    this.#folder = folder;
    // As it is, not percent-encoded: engines take the path behind `file://` literally.
    this.baseUri = `file://${resolve(folder)}`;
    this.#newId = newId;
  }

  /** Proves that files can be written and hard-linked here, and clears what a crash left. */
  async prepare(): Promise<void> {
    const what = `opening the folder ${this.#folder}`;
    await translated(what, async () => {
      await makeFolderDurably(join(this.#folder, uploads)).catch(notAFolder(what));
      await this.#aside(new Uint8Array(), async (file) => {
        const { mtimeMs } = await stat(file);
        await linkProbe(file);
        await this.#clearLeftovers(mtimeMs - leftoverAgeMs);
      });
    });
  }

  async put(key: string, body: ObjectBody): Promise<void> {
    await this.#write(key, body, rename);
  }

  async putIfAbsent(key: string, body: ObjectBody): Promise<"created" | "exists"> {
    return (await this.#write(key, body, linkUnlessThere)) ? "created" : "exists";
  }

  async get(key: string): Promise<Uint8Array | null> {
    const path = this.#path(key);
    return await translated(`reading ${key}`, async () => {
      try {
        return await readFile(path);
      } catch (error) {
        const code = systemCode(error);
        if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return null;
        throw error;
      }
    });
  }

  /** A file of its own, not a hard link: whoever edits one by hand must not change the other. */
  async copy(from: string, to: string): Promise<void> {
    try {
      await this.#write(to, { file: this.#path(from) }, rename);
    } catch (error) {
      if (!isFailure(error) || systemCode(error.cause) !== "ENOENT") throw error;
      throw new Failure("Rejected", `${from} is not there to be copied`, {
        cause: error,
        advice: "`lake verify` lists what the lake's tables and snapshots lack.",
      });
    }
  }

  async *list(prefix: string): AsyncIterable<ObjectEntry> {
    this.#checkOpen();
    checkPrefix(prefix);
    if (prefix.startsWith(`${uploads}/`)) return;
    const slash = prefix.lastIndexOf("/");
    yield* this.#walk(prefix.slice(0, slash + 1), prefix);
  }

  async delete(keys: readonly string[]): Promise<void> {
    const paths = keys.map((key) => this.#path(key));
    await translated("deleting objects", async () => {
      const folders = new Set<string>();
      for (const path of paths) {
        if (await removeObject(path)) folders.add(dirname(path));
      }
      for (const folder of folders) await this.#tidyFolder(folder);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
  }

  async #write<T>(key: string, body: ObjectBody, place: Place<T>): Promise<T> {
    const path = this.#path(key);
    return await translated(`writing ${key}`, () =>
      this.#aside(body, async (file) => {
        const placed = await placeInFolder(file, path, place);
        await syncFolder(dirname(path));
        return placed;
      }),
    );
  }

  /** Writes `body` to a file of its own, lets `use` place it, and leaves nothing behind. */
  async #aside<T>(body: ObjectBody, use: (file: string) => Promise<T>): Promise<T> {
    const file = join(this.#folder, uploads, this.#newId());
    try {
      await writeDurably(file, body);
      return await use(file);
    } finally {
      await removeFile(file);
    }
  }

  /** The objects below `folder` (`""` or ending with a slash) whose keys start with `prefix`, in byte order. */
  async *#walk(folder: string, prefix: string): AsyncIterable<ObjectEntry> {
    const names = await this.#namesIn(folder);
    for (const name of names) {
      const key = folder + name;
      if (!key.startsWith(prefix) && !prefix.startsWith(key)) continue;
      if (key.endsWith("/")) {
        if (key !== `${uploads}/`) yield* this.#walk(key, prefix);
      } else if (key.startsWith(prefix)) {
        const entry = await this.#entry(key);
        if (entry !== null) yield entry;
      }
    }
  }

  /** Names in a folder, folders with a slash behind, which is where it counts in the byte order of whole keys (O5). */
  async #namesIn(folder: string): Promise<string[]> {
    return await translated(`listing ${folder}`, async () => {
      try {
        const entries = await readdir(join(this.#folder, folder), { withFileTypes: true });
        return entries
          .flatMap((entry) =>
            entry.isDirectory() ? `${entry.name}/` : entry.isFile() ? entry.name : [],
          )
          .sort(compareKeys);
      } catch (error) {
        const code = systemCode(error);
        if (code === "ENOENT" || code === "ENOTDIR") return [];
        throw error;
      }
    });
  }

  async #entry(key: string): Promise<ObjectEntry | null> {
    return await translated(`listing ${key}`, async () => {
      try {
        const { size, mtimeMs } = await stat(join(this.#folder, key));
        return { key, bytes: size, modifiedAtMs: Math.floor(mtimeMs) };
      } catch (error) {
        if (systemCode(error) === "ENOENT") return null;
        throw error;
      }
    });
  }

  /** Removes folders that have become empty, upwards, never the store's own. */
  async #tidyFolder(folder: string): Promise<void> {
    for (let at = folder; at !== this.#folder; at = dirname(at)) {
      try {
        await rmdir(at);
      } catch (error) {
        // Not empty, already gone, or in use: it stays, and so do its parents.
        if (systemCode(error) === "ENOENT") continue;
        await syncFolder(at);
        return;
      }
    }
    await syncFolder(this.#folder);
  }

  async #clearLeftovers(beforeMs: number): Promise<void> {
    const folder = join(this.#folder, uploads);
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      const found = await stat(path).catch(() => null);
      if (found !== null && found.mtimeMs < beforeMs) await removeFile(path);
    }
  }

  #path(key: string): string {
    this.#checkOpen();
    checkKey(key);
    if (key.split("/")[0] === uploads)
      throw new Failure("InvalidSettings", `keys below ${uploads}/ are the store's own: ${key}`);
    return join(this.#folder, key);
  }

  #checkOpen(): void {
    if (this.#closed) throw new Failure("Closed", "the object store is closed");
  }
}

/** A path that cannot be a folder (a part of it is a file, or its file system makes none) is a wrong setting. */
function notAFolder(what: string): (error: unknown) => never {
  return (error) => {
    if (!["ENOTDIR", "EEXIST", "ENOENT", "ENAMETOOLONG"].includes(systemCode(error) ?? ""))
      throw error;
    throw new Failure("InvalidSettings", `${what} failed: it cannot be a folder`, {
      cause: error,
      advice:
        "Choose another folder: a part of this path is a file, or lies where no folder can be made.",
    });
  };
}

/** How a finished file gets its name. */
type Place<T> = (from: string, to: string) => Promise<T>;

/** Places a file, making its folder first: again, when another process removes the emptied folder in between. */
async function placeInFolder<T>(from: string, to: string, place: Place<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await makeFolderDurably(dirname(to));
      return await place(from, to);
    } catch (error) {
      if (systemCode(error) !== "ENOENT" || attempt === mostFolderRaces) throw error;
    }
  }
}

/** link(2) refuses an existing name and otherwise shows the whole file, in one step: O1 and O2 across processes. */
async function linkUnlessThere(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) !== "EEXIST" || (await isFolder(to))) throw error;
    return false;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}

/** Removes an object's file; false when the key has none. */
async function removeObject(path: string): Promise<boolean> {
  try {
    return await removeFile(path);
  } catch (error) {
    const code = systemCode(error);
    // A folder of this name, or a file where a folder would have to be: no object has this key (O6).
    if (code === "EISDIR" || code === "ENOTDIR") return false;
    if (code === "EPERM" && (await isFolder(path))) return false;
    throw error;
  }
}

async function linkProbe(file: string): Promise<void> {
  const second = `${file}.link`;
  try {
    await link(file, second);
  } catch (cause) {
    throw new Failure("InvalidSettings", `the file system of ${file} has no hard links`, {
      cause,
      advice: "Put the lake on a file system with hard links (ext4, xfs, btrfs, APFS, NTFS, NFS).",
    });
  }
  await removeFile(second);
}

async function translated<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw failureOf(error, what);
  }
}
