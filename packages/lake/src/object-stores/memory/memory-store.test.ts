import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "@thulium-stream/kit";
import { objectStoreConformance } from "@thulium-stream/kit/conformance";
import { expect, it } from "vitest";
import { createMemoryStore, type MemoryObjects } from "./memory-store.ts";

objectStoreConformance({
  name: "the memory store",
  makePlace: async () => {
    const objects: MemoryObjects = new Map();
    const folder = await mkdtemp(join(tmpdir(), "memory-store-"));
    return {
      open: async () => createMemoryStore({ objects }),
      fileOf: async (bytes) => {
        await writeFile(join(folder, "body"), bytes);
        return join(folder, "body");
      },
      dispose: () => rm(folder, { recursive: true }),
    };
  },
});

it("dates objects by the given clock and copies bytes on the way in and out", async () => {
  const store = createMemoryStore({ clock: new ManualClock(5_000) });
  const bytes = Uint8Array.of(1, 2);
  await store.put("a", bytes);
  bytes[0] = 9;
  (await store.get("a"))?.fill(7);
  expect(await store.get("a")).toEqual(Uint8Array.of(1, 2));
  for await (const entry of store.list(""))
    expect(entry).toEqual({ key: "a", bytes: 2, modifiedAtMs: 5_000 });
});
