import type { ErasureList, ObjectStore } from "@thulium-stream/contracts";
import type { FileCache } from "@thulium-stream/lake";
import { erasedClaims } from "./erase-claims.ts";
import { ErasedRowFinder } from "./erased-rows.ts";

/** What a search of the whole lake came to. */
export interface LakeSearch {
  /** Objects that were looked at. */
  readonly objects: number;
  /** Keys of objects that still hold something, by erasure. */
  readonly found: ReadonlyMap<string, readonly string[]>;
}

/** Looks into every object of the lake: rows of every Parquet file, whether or not a table or a manifest names it, text of everything else, keys of claims. */
export async function searchLake(
  { store, cache }: { readonly store: ObjectStore; readonly cache: FileCache },
  list: ErasureList,
  signal: AbortSignal,
): Promise<LakeSearch> {
  const found = new Map<string, string[]>();
  const note = (erasureId: string, key: string) => {
    const keys = found.get(erasureId);
    if (keys === undefined) found.set(erasureId, [key]);
    else if (!keys.includes(key)) keys.push(key);
  };
  let objects = 0;
  await using finder = await ErasedRowFinder.open(list);
  for await (const { key, bytes } of store.list("")) {
    signal.throwIfAborted();
    objects += 1;
    if (key.endsWith(".parquet")) {
      const [path = ""] = await cache.pathsOf([{ key, bytes }]);
      for (const erasureId of (await finder.in(path)).erasures) note(erasureId, key);
    } else if (!key.startsWith("claims/")) {
      const body = await store.get(key);
      const erasureId = list.erasureOfText(Buffer.from(body ?? []).toString("latin1"));
      if (erasureId !== null) note(erasureId, key);
    }
  }
  for await (const { key, erasureId } of erasedClaims(store, list)) note(erasureId, key);
  return { objects, found };
}
