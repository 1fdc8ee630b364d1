import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CompactableFile, compactionPlan, defaultCompaction } from "./compaction-plan.ts";

const megabyte = 1024 ** 2;
let keys = 0;
const file = (mb: number, partition = "2026-11-23", sorted = true): CompactableFile => ({
  key: `f${String(++keys).padStart(6, "0")}`,
  partition,
  bytes: mb * megabyte,
  sorted,
});
const atRest = () => true;
const growing = () => false;

describe("compactionPlan", () => {
  it("brings a day at rest to one file when it fits one", () => {
    const files = Array.from({ length: 1440 }, () => file(0.1, "2026-11-23", false));
    const [group, ...more] = compactionPlan(files, atRest);
    expect([group?.files.length, more]).toEqual([1440, []]);
  });

  it("leaves a day that grows alone until it has too many small files", () => {
    const eight = Array.from({ length: 8 }, () => file(1));
    expect(compactionPlan(eight, growing)).toEqual([]);
    expect(compactionPlan([...eight, file(1)], growing)[0]?.files).toHaveLength(9);
  });

  it("does not write a large file anew with every handful of small ones", () => {
    const files = [file(50), ...Array.from({ length: 9 }, () => file(0.1))];
    const [group] = compactionPlan(files, growing);
    expect(group?.files.map(({ bytes }) => bytes / megabyte)).toEqual(
      Array.from({ length: 9 }, () => 0.1),
    );
  });

  it("never mixes days, and leaves sorted files of good size alone", () => {
    const files = [file(70), file(1, "a"), file(1, "a"), file(1, "b"), file(1, "b"), file(70)];
    expect(compactionPlan(files, atRest).map(({ partition }) => partition)).toEqual(["a", "b"]);
  });

  it("sorts a single file that is not sorted, and then leaves it alone", () => {
    const unsorted = file(1, "a", false);
    expect(compactionPlan([unsorted], atRest)).toEqual([{ partition: "a", files: [unsorted] }]);
    expect(compactionPlan([file(1, "a")], atRest)).toEqual([]);
  });

  it("takes no file twice, none above the bound together, and comes to an end", () => {
    const sizes = fc.array(
      fc.record({ mb: fc.integer({ min: 1, max: 100 }), rest: fc.boolean() }),
      {
        maxLength: 60,
      },
    );
    fc.assert(
      fc.property(sizes, (given) => {
        let files = given.map(({ mb, rest }) => file(mb, rest ? "rest" : "grows", false));
        const isAtRest = (partition: string | null) => partition === "rest";
        for (let round = 0; ; round += 1) {
          const plan = compactionPlan(files, isAtRest);
          if (plan.length === 0) break;
          expect(round, "rounds until nothing is left to do").toBeLessThan(20);
          const taken = plan.flatMap((group) => group.files);
          expect(new Set(taken).size).toBe(taken.length);
          for (const group of plan) {
            const bytes = group.files.reduce((sum, each) => sum + each.bytes, 0);
            if (group.files.length > 1)
              expect(bytes).toBeLessThanOrEqual(defaultCompaction.mostBytes);
          }
          const gone = new Set(taken);
          files = [
            ...files.filter((each) => !gone.has(each)),
            ...plan.map(({ partition, files: group }) =>
              file(
                group.reduce((sum, { bytes }) => sum + bytes, 0) / megabyte,
                partition ?? "",
                true,
              ),
            ),
          ];
        }
        const small = files.filter(({ bytes }) => bytes < defaultCompaction.smallBelowBytes);
        expect(small.filter(({ partition }) => partition === "rest").length).toBeLessThanOrEqual(1);
        expect(small.length).toBeLessThanOrEqual(1 + defaultCompaction.mostSmallFiles);
      }),
    );
  });

  it("writes a row a few times a day, not hundreds: a flush a minute for a day", () => {
    let files: CompactableFile[] = [];
    let written = 0;
    for (let minute = 0; minute < 1440; minute += 1) {
      files.push(file(0.1, "a", false));
      for (const { files: group } of compactionPlan(files, growing)) {
        const bytes = group.reduce((sum, each) => sum + each.bytes, 0);
        written += bytes / megabyte;
        files = [...files.filter((each) => !group.includes(each)), file(bytes / megabyte, "a")];
      }
    }
    expect(written / 144, "times that each byte was written anew").toBeLessThan(8);
    expect(files.length).toBeLessThanOrEqual(9);
  });
});
