import { minuteOf } from "@thulium-stream/thulium-api/pure";
import type { Window } from "./page-rule.ts";
import { type ReadingDeps, readAndPublish, shownIds } from "./reading.ts";
import type { TicketIndex } from "./ticket-index.ts";

/** Tickets created within these last days count as recent. */
const recentDays = 3;
const dayMs = 86_400_000;

/** What a re-reading works with. */
export interface RereadDeps extends ReadingDeps {
  readonly index: TicketIndex;
}

/**
 * Reads again what most likely changed without a new stamp (thulium-api.md A8): tickets of the last days, and all that are open. Everything else has its turn in the
 * daily listing. An open ticket that the list of its status no longer shows was closed, or is gone: its own minute is read.
 */
export async function rereadLively(deps: RereadDeps, signal: AbortSignal): Promise<void> {
  const { wallClock, index } = deps;
  const nowMs = deps.asker.sourceNowMs();
  const from = wallClock.earliestText(nowMs - recentDays * dayMs, nowMs);
  await reread(deps, { by: "create_date", bounds: { from, to: null } }, signal);
  const older = new Map(
    [...index.openTickets()].filter(([, { created }]) => minuteOf(created) < from),
  );
  if (older.size === 0) return;
  const statusIds = [...new Set([...older.values()].map(({ status }) => status))];
  const filtered: Window = {
    by: "create_date",
    bounds: { from: null, to: from },
    filter: { statusIds },
  };
  for (const id of (await reread(deps, filtered, signal)).shown) older.delete(id);
  for (const minute of new Set([...older.values()].map(({ created }) => minuteOf(created))))
    await reread(deps, { by: "create_date", bounds: { from: minute, to: minute } }, signal);
}

/** What reading a window again came to. */
export interface Reread {
  /** Ids of the tickets that it showed. */
  readonly shown: ReadonlySet<string>;
  /** Parts that could not be read. */
  readonly holes: readonly Window[];
}

/** Reads a window and publishes what differs. */
export async function reread(
  deps: ReadingDeps,
  window: Window,
  signal: AbortSignal,
): Promise<Reread> {
  const shown = new Set<string>();
  const reading = {
    window,
    lane: "reread",
    origin: "reread",
    onPage: (page) => {
      for (const id of shownIds(page)) shown.add(id);
    },
  } as const satisfies Parameters<typeof readAndPublish>[1];
  const { holes } = await readAndPublish(deps, reading, signal);
  return { shown, holes };
}
