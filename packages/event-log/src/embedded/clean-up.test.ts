import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger, topics } from "@thulium-stream/contracts";
import { ManualClock } from "@thulium-stream/kit";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type EmbeddedLog, openEmbeddedLog } from "./embedded-log.ts";

const dayMs = 86_400_000;

let folder: string;
let clock: ManualClock;
let log: EmbeddedLog;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "clean-up-"));
  clock = new ManualClock("2026-11-23T12:00:00.000Z");
  let ids = 0;
  const newId = () => {
    ids += 1;
    return `id-${ids}`;
  };
  log = await openEmbeddedLog({ folder, clock, logger: silentLogger, newId });
  await log.ensureTopics(topics);
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

/** Appends values of keys of one partition (`extractor-state` has only one). */
async function append(values: Readonly<Record<string, string | null>>): Promise<void> {
  const writer = await log.openWriter("w");
  await writer.append(
    Object.entries(values).map(([key, value]) => ({
      topic: "extractor-state",
      key,
      value: value === null ? null : Buffer.from(value),
    })),
  );
  await writer.close();
}

async function held(): Promise<readonly string[]> {
  const reader = await log.openReader({ topics: ["extractor-state"], startAt: "earliest" });
  const found: string[] = [];
  for (;;) {
    const delivery = await reader.next({ timeoutMs: 0 });
    if (delivery.kind === "idle") break;
    if (delivery.kind === "batch")
      for (const { key, value } of delivery.records)
        found.push(`${key}=${value === null ? "gone" : Buffer.from(value).toString()}`);
  }
  await reader.close();
  return found;
}

it("L10: lets a superseded value outlive the next day in no chunk, however much else of the chunk is needed", async () => {
  await append({ a: "1", b: "1", c: "1", d: "1" });
  await append({ a: null });
  await log.cleanUp();
  expect(await held()).toEqual(["b=1", "c=1", "d=1", "a=gone"]);
  await append({ b: "2" });
  await log.cleanUp();
  expect(await held()).toContain("b=1");
  await clock.advance(dayMs);
  await log.cleanUp();
  expect(await held()).toEqual(["c=1", "d=1", "a=gone", "b=2"]);
});

it("L10: never lets a tombstone go before the values that it removed", async () => {
  await log.cleanUp();
  await append({ a: "1", b: "1", c: "1", d: "1" });
  await append({ a: null });
  for (let day = 0; day < 9; day += 1) {
    await clock.advance(dayMs / 2);
    await log.cleanUp();
    await clock.advance(dayMs / 2);
    await log.cleanUp();
    const now = await held();
    expect(now.includes("a=1") && !now.includes("a=gone"), now.join()).toBe(false);
  }
  expect(await held()).toEqual(["b=1", "c=1", "d=1"]);
});

it("L15: a purge takes every superseded value of a compacted topic at once", async () => {
  await log.cleanUp();
  await append({ a: "1", b: "1", c: "1", d: "1" });
  await append({ a: null });
  const [range] = await log.ends("extractor-state");
  await log.purge([{ topic: "extractor-state", partition: 0, position: range?.end ?? 0 }]);
  expect(await held()).toEqual(["b=1", "c=1", "d=1", "a=gone"]);
});
