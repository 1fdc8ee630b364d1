import type { Clock, Logger, TicketState } from "@thulium-stream/contracts";
import type { Asker } from "./asker.ts";
import type { Publisher } from "./publisher.ts";

/** What became of tickets that a complete listing did not show. */
export interface CensusResult {
  readonly missing: number;
  readonly deleted: number;
  readonly unlisted: number;
  /** Set when the guard refused: nothing was deleted. */
  readonly refused: string | null;
}

/** What the census works with. */
export interface CensusDeps {
  readonly asker: Asker;
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly confirmDelayMs: number;
}

/** More deletes than this at once are refused until somebody has looked: max(50, 2 % of what is held). */
export function deleteGuard(held: number): number {
  return Math.max(50, Math.floor(held * 0.02));
}

/**
 * Decides about tickets that are held but were not in a complete listing (E3): each is asked for by id, twice, apart in time. Gone both times is a delete; found is a
 * merge, told once. First one listed ticket is asked for: a permission that is missing would make every ticket look gone.
 */
export async function decideMissing(
  deps: CensusDeps,
  missing: readonly TicketState[],
  listedId: string | null,
  held: number,
  signal: AbortSignal,
): Promise<CensusResult> {
  const none = { missing: missing.length, deleted: 0, unlisted: 0 };
  if (missing.length === 0) return { ...none, refused: null };
  if (listedId === null || !(await isAnsweredById(deps, listedId, signal)))
    return {
      ...none,
      refused: "a listed ticket could not be asked for by its id: no delete is believed",
    };
  const goneOnce = await gone(deps, missing, signal);
  const mostDeletes = deleteGuard(held);
  if (goneOnce.length > mostDeletes)
    return {
      ...none,
      refused: `${goneOnce.length} tickets seem deleted, more than ${mostDeletes}: look at the source before they are believed`,
    };
  if (goneOnce.length > 0) await deps.clock.sleep(deps.confirmDelayMs, signal);
  const goneTwice = new Set((await gone(deps, goneOnce, signal)).map(({ ticket_id }) => ticket_id));
  const unlisted = missing
    .filter(({ ticket_id, listed }) => !goneTwice.has(ticket_id) && listed)
    .map(({ ticket_id }) => ticket_id);
  if (goneTwice.size + unlisted.length > 0)
    await deps.publisher.publish({
      origin: "census",
      deletedIds: [...goneTwice],
      unlistedIds: unlisted,
    });
  return {
    missing: missing.length,
    deleted: goneTwice.size,
    unlisted: unlisted.length,
    refused: null,
  };
}

/** Whether a ticket that is listed is found by its id, too; asked twice, apart in time, since a replica that lags may not know it yet. */
async function isAnsweredById(
  { asker, clock, confirmDelayMs }: CensusDeps,
  listedId: string,
  signal: AbortSignal,
): Promise<boolean> {
  if (await asker.exists(listedId, "confirm", signal)) return true;
  await clock.sleep(confirmDelayMs, signal);
  return asker.exists(listedId, "confirm", signal);
}

async function gone(
  { asker }: CensusDeps,
  tickets: readonly TicketState[],
  signal: AbortSignal,
): Promise<TicketState[]> {
  const answers = await Promise.all(
    tickets.map(async (ticket) => ({
      ticket,
      exists: await asker.exists(ticket.ticket_id, "confirm", signal),
    })),
  );
  return answers.filter(({ exists }) => !exists).map(({ ticket }) => ticket);
}
