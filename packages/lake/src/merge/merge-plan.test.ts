import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ChangedTicket, type MergeableFile, mergePlan } from "./merge-plan.ts";

const id = fc.stringMatching(/^[0-9ż]{1,3}$/);
const partition = fc.constantFrom("2026-10", "2026-11", "unknown");
const file = fc
  .record({ partition, bounds: fc.option(fc.tuple(id, id), { freq: 5 }) })
  .map(({ partition, bounds }) => {
    const [lowest = null, highest = null] = [...(bounds ?? [])].sort(byBytes);
    return { partition, lowest, highest };
  });
const files = fc
  .array(file, { maxLength: 8 })
  .map((all): MergeableFile[] => all.map((each, at) => ({ ...each, key: `f${at}` })));
const changed = fc.array(fc.record({ ticketId: id, partition: fc.option(partition) }), {
  maxLength: 12,
});

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
        const { rewrites } = mergePlan(files, changed);
        for (const each of changed.filter(({ partition }) => partition !== null))
          expect(rewrites.filter(({ stretch }) => isIn(each, stretch))).toHaveLength(1);
      }),
    );
  });

  it("looks into every file that may hold a changed ticket, and takes none twice", () => {
    fc.assert(
      fc.property(files, changed, (files, changed) => {
        const { rewrites, suspects } = mergePlan(files, changed);
        const taken = [...rewrites.map(({ file }) => file), ...suspects].filter(
          (each) => each !== null,
        );
        expect(new Set(taken).size).toBe(taken.length);
        for (const each of files)
          for (const { ticketId } of changed) {
            const mayHold =
              each.lowest === null ||
              each.highest === null ||
              (byBytes(each.lowest, ticketId) <= 0 && byBytes(ticketId, each.highest) <= 0);
            if (mayHold) expect(taken).toContain(each);
          }
      }),
    );
  });

  it("touches nothing else, and nothing without a change", () => {
    const month = (key: string, lowest: string, highest: string): MergeableFile => ({
      key,
      partition: "2026-11",
      lowest,
      highest,
    });
    const three = [month("a", "1", "3"), month("b", "4", "6"), month("c", "7", "9")];
    expect(mergePlan(three, [])).toEqual({ rewrites: [], suspects: [] });
    const { rewrites, suspects } = mergePlan(three, [{ ticketId: "5", partition: "2026-11" }]);
    expect(rewrites).toEqual([
      { file: three[1], stretch: { partition: "2026-11", from: "4", to: "7" } },
    ]);
    expect(suspects).toEqual([]);
    expect(mergePlan(three, [{ ticketId: "8", partition: null }])).toEqual({
      rewrites: [],
      suspects: [three[2]],
    });
  });
});
