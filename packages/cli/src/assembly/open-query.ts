import { join } from "node:path";
import type { Clock, ObjectStore } from "@thulium-stream/contracts";
import { type LakeQuery, openFileCache, openLakeQuery } from "@thulium-stream/lake";
import { lakeViews } from "@thulium-stream/lake-writer";
import { newId, type Settings } from "@thulium-stream/runtime";

/** Opens SQL over the lake's views, or over those that are `wanted`; their files come through the cache in STATE_DIR. */
export async function openQuery(
  settings: Settings,
  store: ObjectStore,
  clock: Clock,
  wanted?: readonly string[],
): Promise<LakeQuery> {
  const cache = openFileCache({
    url: settings.LAKE_URL,
    store,
    folder: join(settings.STATE_DIR, "lake-cache"),
    clock,
    newId,
  });
  const all = await lakeViews(store);
  const views = wanted === undefined ? all : all.filter(({ name }) => wanted.includes(name));
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
