import { createHash } from "node:crypto";
import { access, mkdir, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Clock, Failure, type ObjectStore } from "@thulium-stream/contracts";
import { parseLakeUrl } from "./open-object-store.ts";

/** Objects downloaded at once; each is in memory while it is. */
const downloadsAtOnce = 4;

/** An object that never changes under its key, such as a data file. */
export interface ImmutableObject {
  readonly key: string;
  readonly bytes: number;
}

/** Options of {@link openFileCache}. */
export interface FileCacheOptions {
  /** The lake's URL: objects of a `file:` lake are used where they are, others are told apart by it. */
  readonly url: string;
  readonly store: ObjectStore;
  /** Where copies are kept; made when missing, may be deleted at any time between two calls. */
  readonly folder: string;
  /** Copies together stay below this many bytes. Default 4 GB. */
  readonly maxBytes?: number;
  readonly clock: Pick<Clock, "now">;
  readonly newId: () => string;
}

/** Local copies of objects, for readers that need files. */
export interface FileCache {
  /**
   * Local paths of the objects, in their order; what is missing is downloaded, and the copies longest unused make room.
   * The files stay until the next call. One process uses a folder at a time.
   * @throws Failure `TooLarge` with advice when the objects together exceed the bound; `Rejected` when one is gone; what the store throws.
   */
  pathsOf(objects: readonly ImmutableObject[]): Promise<readonly string[]>;
  /** Removes every copy, used or not. */
  clear(): Promise<void>;
}

/** Opens a cache over a lake's object store. */
export function openFileCache(options: FileCacheOptions): FileCache {
  const place = parseLakeUrl(options.url);
  if (place.kind === "directory") {
    const folder = resolve(place.folder);
    return {
      pathsOf: (objects) => Promise.all(objects.map(({ key }) => pathIn(folder, key))),
      clear: async () => {},
    };
  }
  return new DownloadCache(options);
}

async function pathIn(folder: string, key: string): Promise<string> {
  const path = join(folder, key);
  try {
    await access(path);
    return path;
  } catch (cause) {
    throw gone(key, cause);
  }
}

function gone(key: string, cause?: unknown): Failure {
  return new Failure("Rejected", `${key} is no longer in the lake`, {
    cause,
    advice:
      "Try again: a merge or an expiry may have replaced it since the table was read. If it stays so, `lake verify` lists what is missing.",
  });
}

class DownloadCache implements FileCache {
  readonly #options: FileCacheOptions;
  readonly #maxBytes: number;

  constructor(options: FileCacheOptions) {
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? 4 * 1024 ** 3;
  }

  async pathsOf(objects: readonly ImmutableObject[]): Promise<readonly string[]> {
    const wanted = objects.map((object) => ({ ...object, name: this.#nameOf(object) }));
    const wantedBytes = wanted.reduce((sum, { bytes }) => sum + bytes, 0);
    if (wantedBytes > this.#maxBytes) throw tooLarge(wantedBytes, this.#maxBytes);
    await mkdir(this.#options.folder, { recursive: true });
    const names = new Set(wanted.map(({ name }) => name));
    const { present, others, otherBytes } = await this.#look(names);
    await this.#evict(others, otherBytes + wantedBytes - this.#maxBytes);
    await this.#touch(present);
    const missing = wanted.filter(({ name }) => !present.has(name));
    const queue = missing.values();
    await Promise.all(
      Array.from({ length: downloadsAtOnce }, async () => {
        for (const object of queue) await this.#download(object, object.name);
      }),
    );
    return wanted.map(({ name }) => join(this.#options.folder, name));
  }

  async clear(): Promise<void> {
    await rm(this.#options.folder, { recursive: true, force: true });
  }

  /** Names copies by lake, key and size: a copy of another length is never taken for this object. */
  #nameOf({ key, bytes }: ImmutableObject): string {
    const text = JSON.stringify([this.#options.url, key, bytes]);
    return `${createHash("sha256").update(text).digest("hex").slice(0, 40)}.parquet`;
  }

  /** What is in the folder: copies that are wanted, and the rest, longest unused first. */
  async #look(names: ReadonlySet<string>) {
    const present = new Set<string>();
    const others: { readonly name: string; readonly bytes: number; readonly usedAtMs: number }[] =
      [];
    for (const name of await readdir(this.#options.folder)) {
      const { size, mtimeMs } = await stat(join(this.#options.folder, name));
      if (names.has(name)) present.add(name);
      else others.push({ name, bytes: size, usedAtMs: mtimeMs });
    }
    others.sort((a, b) => a.usedAtMs - b.usedAtMs);
    return { present, others, otherBytes: others.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  async #evict(
    others: readonly { readonly name: string; readonly bytes: number }[],
    bytesToFree: number,
  ): Promise<void> {
    let freed = 0;
    for (const { name, bytes } of others) {
      if (freed >= bytesToFree) return;
      await rm(join(this.#options.folder, name), { force: true });
      freed += bytes;
    }
  }

  async #touch(names: Iterable<string>): Promise<void> {
    const seconds = this.#options.clock.now() / 1_000;
    for (const name of names) await utimes(join(this.#options.folder, name), seconds, seconds);
  }

  async #download({ key, bytes }: ImmutableObject, name: string): Promise<void> {
    const { store, folder, newId } = this.#options;
    const body = await store.get(key);
    if (body === null) throw gone(key);
    if (body.byteLength !== bytes)
      throw new Failure(
        "InvalidResponse",
        `${key} has ${body.byteLength} bytes, expected ${bytes}`,
      );
    const draft = join(folder, `${newId()}.tmp`);
    await writeFile(draft, body);
    await rename(draft, join(folder, name));
    await this.#touch([name]);
  }
}

function tooLarge(bytes: number, maxBytes: number): Failure {
  const megabytes = (value: number) => `${Math.ceil(value / 1024 ** 2)} MB`;
  return new Failure(
    "TooLarge",
    `the query needs ${megabytes(bytes)} of files, the cache holds ${megabytes(maxBytes)}`,
    {
      advice:
        "Query fewer tables or days, raise the cache's bound, or use an engine beside the bucket.",
    },
  );
}
