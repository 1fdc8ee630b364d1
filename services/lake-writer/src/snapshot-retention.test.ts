import { expect, it } from "vitest";
import { snapshotsToDrop } from "./snapshot-retention.ts";

const nowMs = Date.parse("2026-11-25T12:00:00.000Z");
const dayMs = 86_400_000;
const of = (table: string, day: number, complete = true) => {
  const at = `2026-11-${String(day).padStart(2, "0")}T23:05:00.000Z`;
  return {
    table,
    folder: `${table}-${day}`,
    at: complete ? at : at.replace(/[-:]|\.\d+/g, ""),
    complete,
  };
};
const dropped = (snapshots: ReturnType<typeof of>[], retainMs: number | null) =>
  snapshotsToDrop(snapshots, { retainMs, nowMs }).map(({ folder }) => folder);

it("drops complete snapshots past their age, never the newest of a table", () => {
  const snapshots = [of("tickets", 10), of("tickets", 20), of("tickets", 24), of("messages", 1)];
  expect(dropped(snapshots, 7 * dayMs)).toEqual(["tickets-10"]);
  expect(dropped(snapshots, 3 * dayMs)).toEqual(["tickets-10", "tickets-20"]);
});

it("keeps all without a limit, but for those that a killed writer gave up days ago", () => {
  const snapshots = [of("tickets", 1), of("tickets", 20, false), of("tickets", 24, false)];
  expect(dropped(snapshots, null)).toEqual(["tickets-20"]);
});
