import type { Clock, ObjectStore } from "@thulium-stream/contracts";
import { describeLake } from "@thulium-stream/lake-writer";
import type { LakeFreshness } from "@thulium-stream/metrics";

const goodForMs = 30_000;

/**
 * How the lake is by what it holds, asked at most every half minute. `lagOf` tells how many records of the log a table still lacks; null where the writer runs elsewhere.
 * @throws Failure of the store.
 */
export function lakeFreshness(
  open: () => Promise<ObjectStore>,
  clock: Clock,
  lagOf: (table: string) => number | null,
): () => Promise<LakeFreshness> {
  let seen: {
    readonly atMs: number;
    readonly held: Awaited<ReturnType<typeof describeLake>>;
  } | null = null;
  return async () => {
    if (seen === null || clock.now() - seen.atMs > goodForMs)
      seen = { atMs: clock.now(), held: await describeLake(await open()) };
    const { tables, snapshots } = seen.held;
    return {
      tables: tables.map(({ name, rows, committedAt }) => ({
        name,
        rows,
        lag_records: lagOf(name),
        committed_at: committedAt,
      })),
      last_snapshot_at: snapshots.findLast(({ complete }) => complete)?.at ?? null,
    };
  };
}
