import type { BoundValue, Column, ColumnStats } from "@thulium-stream/contracts";
import { compareText } from "../table/bound.ts";
import { type JsonRow, textOf } from "./row-check.ts";

/** What is known of one column so far. */
interface Tally {
  readonly id: number;
  readonly name: string;
  readonly isText: boolean;
  nulls: number;
  lower: BoundValue | null;
  upper: BoundValue | null;
}

/** Counts nulls and keeps bounds of the columns that are not nested, row by row (P5). */
export class ColumnTally {
  readonly #tallies: readonly Tally[];

  constructor(columns: readonly Column[]) {
    this.#tallies = columns.flatMap(({ id, name, type }) =>
      typeof type === "string"
        ? [{ id, name, isText: type === "text", nulls: 0, lower: null, upper: null }]
        : [],
    );
  }

  /** Counts a checked row in. */
  add(row: JsonRow): void {
    for (const tally of this.#tallies) {
      const given = row[tally.name];
      if (given == null) {
        tally.nulls += 1;
        continue;
      }
      const value = tally.isText ? textOf(given).toWellFormed() : (given as BoundValue);
      if (tally.lower === null || isBelow(value, tally.lower)) tally.lower = value;
      if (tally.upper === null || isBelow(tally.upper, value)) tally.upper = value;
    }
  }

  get stats(): readonly ColumnStats[] {
    return this.#tallies.map(({ id, nulls, lower, upper }) => ({ id, nulls, lower, upper }));
  }
}

function isBelow(a: BoundValue, b: BoundValue): boolean {
  return typeof a === "string" && typeof b === "string" ? compareText(a, b) < 0 : a < b;
}
