import type { WallClock } from "@thulium-stream/thulium-api/pure";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** The farthest that two zones lie apart. */
const farthestHours = 26;
/** Stamps are whole minutes, and clocks differ a little. */
const toleranceMs = 2 * minuteMs;

/**
 * What the newest `updated_at` of the source says against the zone that is set (thulium-api.md A1): it lies in the future, or whole hours before now to the minute. null when
 * nothing does. A quiet help desk may look hours behind by chance: a doubt, no proof. Pure.
 */
export function zoneDoubt(
  newest: string,
  sourceNowMs: number,
  wallClock: WallClock,
): string | null {
  const intervals = wallClock.toInstants(newest)?.intervals ?? [];
  const offs = intervals.map(({ startMs }) => startMs - sourceNowMs);
  const nearest = offs.sort((a, b) => Math.abs(a) - Math.abs(b))[0];
  if (nearest === undefined || Math.abs(nearest) <= toleranceMs) return null;
  if (nearest > 0) return `the newest change, ${newest}, lies ${spanOf(nearest)} in the future`;
  const hours = Math.round(-nearest / hourMs);
  const isWhole = Math.abs(-nearest - hours * hourMs) <= toleranceMs;
  return isWhole && hours >= 1 && hours <= farthestHours
    ? `the newest change, ${newest}, lies ${hours} h back to the minute`
    : null;
}

function spanOf(ms: number): string {
  return ms < hourMs ? `${Math.round(ms / minuteMs)} min` : `${(ms / hourMs).toFixed(1)} h`;
}
