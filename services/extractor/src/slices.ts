import type { SliceState } from "@thulium-stream/contracts";
import { addMinutes, middleMinute, minutesBetween } from "@thulium-stream/thulium-api/pure";

/** A window of creation dates with the number of tickets that the source counts in it. */
export interface CountedRange {
  readonly from: string;
  readonly to: string;
  readonly count: number;
}

/** Asks the source how many tickets were created in a closed window. */
export type CountCreated = (from: string, to: string) => Promise<number>;

/**
 * Cuts a range of creation dates into slices of at most `target` tickets by counting halves. A minute is never cut. Neighbours share no
 * minute; counts may lie and only decide how work is divided. Empty stretches are kept: a slice listed complete is also a census of its range.
 */
export async function planSlices(
  range: CountedRange,
  target: number,
  count: CountCreated,
): Promise<readonly CountedRange[]> {
  if (range.count <= target || minutesBetween(range.from, range.to) < 1) return [range];
  const middle = middleMinute(range.from, range.to);
  const first = await count(range.from, middle);
  const left: CountedRange = { from: range.from, to: middle, count: first };
  const right: CountedRange = {
    from: addMinutes(middle, 1),
    to: range.to,
    count: Math.max(0, range.count - first),
  };
  return [...(await planSlices(left, target, count)), ...(await planSlices(right, target, count))];
}

/** A planned slice that nobody has read from. */
export function newSlice(
  system: string,
  taskId: string,
  slice: number,
  { from, to, count }: CountedRange,
  queueId: string | null,
): SliceState {
  return {
    system,
    task_id: taskId,
    slice,
    queue_id: queueId,
    created_from: from,
    created_to: to,
    expected: count,
    resume_from: null,
    done: false,
    tickets: 0,
  };
}

/** Requests that listing these slices takes at least: full pages and a last short one each. */
export function requestsOf(slices: readonly SliceState[], pageSize: number): number {
  return slices.reduce((sum, { expected }) => sum + Math.floor(expected / pageSize) + 1, 0);
}
