import type { SliceState } from "@thulium-stream/contracts";
import { addMinutes, minutesBetween } from "@thulium-stream/thulium-api/pure";

/** A window of creation dates with the number of tickets that the source counts in it. */
export interface CountedRange {
  readonly from: string;
  readonly to: string;
  readonly count: number;
}

/** Asks the source how many tickets were created in a closed window. */
export type CountCreated = (from: string, to: string) => Promise<number>;

/**
 * Cuts a range of creation dates into slices of about `target` tickets, half as many again at most, by counting: as many parts as there are targets in it, as if
 * tickets were spread evenly, and the same again for parts that hold more. A minute is never cut. Neighbours share no minute; counts may lie and only decide how work is divided. Empty stretches are kept: a slice listed complete is also a census of its range.
 */
export async function planSlices(
  range: CountedRange,
  target: number,
  count: CountCreated,
): Promise<readonly CountedRange[]> {
  const parts = Math.round(range.count / target);
  const minutes = minutesBetween(range.from, range.to);
  if (parts <= 1 || minutes < 1) return [range];
  const share = Math.floor(parts / 2) / parts;
  const middle = addMinutes(range.from, Math.floor(minutes * share));
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
