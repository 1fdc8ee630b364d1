import { Failure, type ObjectStore } from "@thulium-stream/contracts";

const first = new TextEncoder().encode("written first");
const second = new TextEncoder().encode("written second");

/**
 * Proves on the store itself that `putIfAbsent` keeps O2, which every commit of the lake rests on: writes an object
 * below `_probe/`, tries to write it again, and removes it. To be run at start and by `check`.
 * @throws Failure `InvalidSettings` with advice when the server ignores `If-None-Match`; whatever the store throws otherwise.
 */
export async function probeConditionalPut(store: ObjectStore, newId: () => string): Promise<void> {
  const key = `_probe/${newId()}`;
  const isKept = await keepsFirst(store, key).catch(async (error: unknown) => {
    // What went wrong first tells more than that the object cannot be removed either.
    await store.delete([key]).catch(() => {});
    throw error;
  });
  await store.delete([key]);
  if (isKept) return;
  throw new Failure(
    "InvalidSettings",
    "the bucket's server ignores If-None-Match, so two writers could both win a commit",
    {
      advice:
        "Use a server with conditional writes: Amazon S3, Google Cloud Storage by its S3 interface, Cloudflare R2, Ceph 19 or later, VersityGW.",
    },
  );
}

async function keepsFirst(store: ObjectStore, key: string): Promise<boolean> {
  await store.putIfAbsent(key, first);
  const outcome = await store.putIfAbsent(key, second);
  const kept = await store.get(key);
  return outcome === "exists" && kept !== null && Buffer.compare(kept, first) === 0;
}
