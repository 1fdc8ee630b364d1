import { join } from "node:path";
import type { Clock, ObjectStore } from "@thulium-stream/contracts";
import { type LakeQuery, openFileCache, openLakeQuery } from "@thulium-stream/lake";
import { type CataloguedView, lakeViews } from "@thulium-stream/lake-writer";
import { newId, type Settings } from "@thulium-stream/runtime";

/** Opens SQL over the newest snapshot and the event tables, or over those views that are `wanted`. */
export async function openQuery(
  settings: Settings,
  store: ObjectStore,
  clock: Clock,
  wanted?: readonly string[],
): Promise<LakeQuery> {
  const all = await lakeViews(store);
  const views = wanted === undefined ? all : all.filter(({ name }) => wanted.includes(name));
  return await openViews(settings, store, clock, views);
}

/** Opens SQL over views; their files come through the cache in STATE_DIR. */
export async function openViews(
  settings: Settings,
  store: ObjectStore,
  clock: Clock,
  views: readonly CataloguedView[],
): Promise<LakeQuery> {
  const cache = openFileCache({
    url: settings.LAKE_URL,
    store,
    folder: join(settings.STATE_DIR, "lake-cache"),
    clock,
    newId,
  });
  // One call for all views: the next call may evict what an earlier one brought.
  const paths = await cache.pathsOf(views.flatMap(({ objects }) => objects));
  const starts = views.map((_, index) =>
    views.slice(0, index).reduce((sum, { objects }) => sum + objects.length, 0),
  );
  const local = views.map(({ name, objects, columns }, index) => {
    const start = starts[index] ?? 0;
    return { name, columns, files: paths.slice(start, start + objects.length) };
  });
  return openLakeQuery({ views: local });
}
