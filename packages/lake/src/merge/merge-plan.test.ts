import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ChangedTicket, type MergeableFile, mergePlan } from "./merge-plan.ts";
import { defaultMergePolicy, type MergePolicy } from "./merge-policy.ts";

const id = fc.stringMatching(/^[0-9ż]{1,3}$/);
const partition = fc.constantFrom("2026-10", "2026-11", "unknown");
const file = fc
  .record({
    partition,
    bounds: fc.option(fc.tuple(id, id), { freq: 5 }),
    rows: fc.integer({ min: 1, max: 40 }),
    read: fc.integer({ min: 0, max: 20 }),
  })
  .map(({ partition, bounds, rows, read }) => {
    const [lowest = null, highest = null] = [...(bounds ?? [])].sort(byBytes);
    return { partition, lowest, highest, rows, bytes: rows * 10, current: { 0: read } };
  });
const files = fc
  .array(file, { maxLength: 8 })
  .map((all): MergeableFile[] => all.map((each, at) => ({ ...each, key: `f${at}` })));
const changed = fc
  .array(
    fc.record({
      ticketId: id,
      partition: fc.option(partition),
      rows: fc.integer({ min: 1, max: 9 }),
      position: fc.integer({ min: 0, max: 20 }),
    }),
    { maxLength: 12 },
  )
  .map((all): ChangedTicket[] => all.map((each) => ({ ...each, logPartition: 0 })));
const policy: MergePolicy = {
  ...defaultMergePolicy,
  mostRowsPerChange: 4,
  wholeBelowBytes: 0,
  pieceRows: 10,
  fileBytes: 300,
};
const whole = { whole: true, policy };
const partly = { whole: false, policy };

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function isIn(
  { partition, ticketId }: ChangedTicket,
  stretch: { partition: string; from: string | null; to: string | null } | null,
) {
  return (
    stretch !== null &&
    stretch.partition === partition &&
    (stretch.from === null || byBytes(ticketId, stretch.from) >= 0) &&
    (stretch.to === null || byBytes(ticketId, stretch.to) < 0)
  );
}

describe("mergePlan", () => {
  it("gives every new row exactly one place", () => {
    fc.assert(
      fc.property(files, changed, (files, changed) => {
        const { rewrites } = mergePlan(files, changed, whole);
        for (const each of changed.filter(({ partition }) => partition !== null))
          expect(rewrites.filter(({ stretch }) => isIn(each, stretch))).toHaveLength(1);
      }),
    );
  });

  it("looks into every file that may hold a ticket that it takes over, and takes none twice", () => {
    fc.assert(
      fc.property(files, changed, fc.constantFrom(whole, partly), (files, changed, how) => {
        const { isWhole, rewrites, suspects } = mergePlan(files, changed, how);
        const taken = [...rewrites.flatMap(({ files }) => files), ...suspects];
        expect(new Set(taken).size).toBe(taken.length);
        const isTaken = (each: ChangedTicket) =>
          isWhole || rewrites.some(({ stretch }) => isIn(each, stretch));
        for (const each of files)
          for (const { ticketId } of changed.filter(isTaken)) {
            const mayHold =
              each.lowest === null ||
              each.highest === null ||
              (byBytes(each.lowest, ticketId) <= 0 && byBytes(ticketId, each.highest) <= 0);
            if (mayHold) expect(taken).toContain(each);
          }
      }),
    );
  });

  it("writes at most the policy's number of rows for each that changed, unless it has to be whole", () => {
    fc.assert(
      fc.property(files, changed, (files, changed) => {
        for (const { files: own, stretch } of mergePlan(files, changed, partly).rewrites) {
          const [file, ...more] = own;
          expect(more).toEqual([]);
          const news = changed
            .filter((each) => isIn(each, stretch))
            .filter(({ position }) => file === undefined || position >= (file.current[0] ?? 0))
            .reduce((sum, { rows }) => sum + rows, 0);
          expect(file?.rows ?? 0).toBeLessThanOrEqual(news * policy.mostRowsPerChange);
          expect(news).toBeGreaterThan(0);
        }
      }),
    );
  });

  it("lays only calm neighbours together, within the size of a file", () => {
    fc.assert(
      fc.property(files, changed, (files, changed) => {
        for (const { files: own, stretch } of mergePlan(files, changed, whole).rewrites) {
          if (own.length < 2) continue;
          const inside = changed.filter((each) => isIn(each, stretch));
          const sum = (of: readonly { rows: number }[]) =>
            of.reduce((all, { rows }) => all + rows, 0);
          expect(sum(inside) * policy.mostRowsPerChange).toBeLessThan(sum(own));
          expect(own.reduce((all, { bytes }) => all + bytes, 0)).toBeLessThanOrEqual(300);
          expect(new Set(own.map(({ partition }) => partition)).size).toBe(1);
          // No file of the partition lies between them.
          const order = files
            .filter(({ partition }) => partition === stretch?.partition)
            .sort((a, b) => byBytes(a.lowest ?? "", b.lowest ?? ""));
          const first = order.indexOf(own[0] as MergeableFile);
          expect(order.slice(first, first + own.length)).toEqual(own);
        }
      }),
    );
  });

  const month = (key: string, lowest: string, highest: string): MergeableFile => ({
    key,
    partition: "2026-11",
    lowest,
    highest,
    rows: 100,
    bytes: 100,
    current: { 0: 10 },
  });
  const three = [month("a", "1", "3"), month("b", "4", "6"), month("c", "7", "9")];
  const change = (ticketId: string, partition: string | null, rows = 1): ChangedTicket => ({
    ticketId,
    partition,
    rows,
    logPartition: 0,
    position: 10,
  });

  it("touches nothing else, and nothing without a change", () => {
    expect(mergePlan(three, [], whole)).toMatchObject({ rewrites: [], suspects: [] });
    const { rewrites, suspects } = mergePlan(three, [change("5", "2026-11")], whole);
    expect(rewrites).toEqual([
      {
        files: [three[1]],
        stretch: { partition: "2026-11", from: "4", to: "7" },
        pieceRows: null,
      },
    ]);
    expect(suspects).toEqual([]);
    expect(mergePlan(three, [change("8", null)], whole)).toMatchObject({
      rewrites: [],
      suspects: [three[2]],
    });
  });

  it("puts off what is not worth it, and takes it over with what is small or has to be whole", () => {
    const two = [change("5", "2026-11", 24), change("8", "2026-11", 25), change("2", null, 50)];
    expect(mergePlan(three, two, partly)).toEqual({
      isWhole: false,
      rewrites: [
        {
          files: [three[2]],
          stretch: { partition: "2026-11", from: "7", to: null },
          pieceRows: 38,
        },
      ],
      suspects: [],
    });
    const small = { whole: false, policy: { ...policy, wholeBelowBytes: 300 } };
    for (const how of [whole, small])
      expect(mergePlan(three, two, how)).toMatchObject({ isWhole: true, suspects: [three[0]] });
    const before = [{ ...change("8", "2026-11", 25), position: 9 }];
    expect(mergePlan(three, before, partly).rewrites, "taken over before").toEqual([]);
  });

  it("lays neighbours together that are calm", () => {
    const each = [change("2", "2026-11"), change("5", "2026-11"), change("8", "2026-11", 25)];
    expect(mergePlan(three, each, whole).rewrites.map(({ files }) => files)).toEqual([
      [three[0], three[1]],
      [three[2]],
    ]);
  });
});
