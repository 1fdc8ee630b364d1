import type { ErasureList, ObjectStore } from "@thulium-stream/contracts";

/** Objects that are deleted by one call. */
const objectsAtOnce = 500;

/** Bodies of records too large for the log, of what was erased: their keys name the ticket. */
export async function* erasedClaims(
  store: ObjectStore,
  list: ErasureList,
): AsyncGenerator<{ readonly key: string; readonly erasureId: string }> {
  const prefix = `claims/${encodeURIComponent(list.system).replaceAll(".", "%2E")}/`;
  for await (const { key } of store.list(prefix)) {
    const erasureId = list.erasureOfText(key);
    if (erasureId !== null) yield { key, erasureId };
  }
}

/** Deletes them. Returns how many there were. @throws Failure of the store. */
export async function eraseClaims(store: ObjectStore, list: ErasureList): Promise<number> {
  const keys: string[] = [];
  for await (const { key } of erasedClaims(store, list)) keys.push(key);
  for (let at = 0; at < keys.length; at += objectsAtOnce)
    await store.delete(keys.slice(at, at + objectsAtOnce));
  return keys.length;
}
