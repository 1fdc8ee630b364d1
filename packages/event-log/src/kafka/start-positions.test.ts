import { describe, expect, it } from "vitest";
import { startPositions } from "./start-positions.ts";

const p = (partition: number) => ({ topic: "t", partition });
const held = [
  { ...p(0), earliest: 8, end: 20 },
  { ...p(1), earliest: 0, end: 0 },
];

describe("startPositions", () => {
  it("starts at the wanted position, and at the first record of a partition left out", () => {
    expect(startPositions([p(0), p(1)], [{ ...p(0), position: 9 }], held)).toEqual([
      { ...p(0), position: 9 },
      { ...p(1), position: 0 },
    ]);
    expect(startPositions([p(0)], [], held)).toEqual([{ ...p(0), position: 8 }]);
  });

  it("allows the end, where the next record will be", () => {
    expect(startPositions([p(0)], [{ ...p(0), position: 20 }], held)).toEqual([
      { ...p(0), position: 20 },
    ]);
  });

  it.each([7, 21])("refuses position %i, outside what is held (L12)", (position) => {
    expect(() => startPositions([p(0)], [{ ...p(0), position }], held)).toThrow(
      expect.objectContaining({
        code: "PositionLost",
        message: `t/0 holds positions 8 to 20, not ${position}`,
      }),
    );
  });
});
