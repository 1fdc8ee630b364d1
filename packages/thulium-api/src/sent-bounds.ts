import type { DateBounds, PageRequest } from "@thulium-stream/contracts";
import { addMinutes, type WallClock } from "./wall-clock.ts";

/**
 * The request as it is sent: a minute wider on both sides of every bound. Whether the source includes its bounds, and whether 12:34:30 lies after 12:34, is
 * undocumented (thulium-api.md A3, A4b); under every reading the answer then holds at least the minutes that were asked for. A bound that would fall
 * into the hour that the spring change skips moves out of it, since the source may resolve such a text to a later hour.
 */
export function widened(request: PageRequest, wallClock: WallClock): PageRequest {
  const { created, updated } = request;
  return {
    ...request,
    ...(created === undefined ? {} : { created: widenedBounds(created, wallClock) }),
    ...(updated === undefined ? {} : { updated: widenedBounds(updated, wallClock) }),
  };
}

function widenedBounds({ from, to }: DateBounds, wallClock: WallClock): DateBounds {
  return {
    from: from === null ? null : shownMinute(from, -1, wallClock),
    to: to === null ? null : shownMinute(to, 1, wallClock),
  };
}

/** The next minute in a direction that the zone's clocks really show. */
function shownMinute(text: string, direction: -1 | 1, wallClock: WallClock): string {
  let minute = addMinutes(text, direction);
  while (wallClock.toInstants(minute)?.gap) minute = addMinutes(minute, direction);
  return minute;
}
