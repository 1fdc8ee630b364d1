import { type Clock, isFailure, type TicketState } from "@thulium-stream/contracts";
import { addMinutes, minuteOf, minutesBetween } from "@thulium-stream/thulium-api/pure";
import { type Asker, pageFailures } from "./asker.ts";
import { mayHide, windowOfHole } from "./holes.ts";
import { type RereadDeps, reread } from "./reread.ts";
import type { CreatedTicket } from "./ticket-index.ts";

/** What became of tickets that a complete listing did not show. */
export interface CensusResult {
  readonly missing: number;
  readonly deleted: number;
  readonly unlisted: number;
  /** Set when the guard refused: nothing was deleted. */
  readonly refused: string | null;
}

/** What deciding about missing tickets works with. */
export interface CensusDeps extends RereadDeps {
  readonly clock: Clock;
  /** An operator has looked: more deletes than the guard lets pass are believed. */
  readonly believesDeletes: boolean;
}

/** More deletes than this at once are refused until somebody has looked: max(50, 2 % of what is held). */
export function deleteGuard(held: number): number {
  return Math.max(50, Math.floor(held * 0.02));
}

/**
 * Decides about tickets that are held but were not in a complete listing (E3): each is asked for by id, twice, apart in time. Gone both times is a delete; found, and still
 * not listed when its minute is listed once more, is a merge, told once. First one listed ticket is asked for: a permission that is missing would make every ticket look gone.
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
  if (listedId === null || !(await isAnsweredById(deps, listedId, missing, signal)))
    return {
      ...none,
      refused:
        "a listed ticket could not be asked for by its id: no delete is believed; the API user may lack the permission for single tickets",
    };
  const first = await existences(deps, missing, signal);
  const goneOnce = missing.filter(({ ticket_id }) => first.get(ticket_id) === false);
  const mostDeletes = deps.believesDeletes ? Number.POSITIVE_INFINITY : deleteGuard(held);
  if (goneOnce.length > mostDeletes)
    return {
      ...none,
      refused: `${goneOnce.length} tickets seem deleted, more than ${mostDeletes}: look at the source, then run census --believe-deletes`,
    };
  await deps.clock.sleep(deps.settings.confirmDelayMs, signal);
  const second = await existences(deps, goneOnce, signal);
  const goneTwice = new Set([...second].filter(([, exists]) => exists === false).map(([id]) => id));
  const found = missing.filter(
    ({ ticket_id, listed }) =>
      listed && (first.get(ticket_id) === true || second.get(ticket_id) === true),
  );
  const unlisted = await notListed(deps, found, signal);
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

/** Ids of those tickets that a second listing, of their own minutes, does not show either: one reading may have missed a row that moved while it went on. */
async function notListed(
  deps: RereadDeps,
  tickets: readonly TicketState[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const missing: string[] = [];
  const minuteOfTicket = ({ created_at_raw }: TicketState) => minuteOf(created_at_raw ?? "");
  for (const minute of new Set(tickets.map(minuteOfTicket))) {
    const own = tickets.filter((ticket) => minuteOfTicket(ticket) === minute);
    const listedIds = own.map(({ ticket_id }) => ticket_id);
    const bucket = await listBucket(deps, { from: minute, to: minute, listedIds }, signal);
    missing.push(...bucket.missing.map(({ ticket_id }) => ticket_id));
  }
  return missing;
}

/** Held tickets that are asked for when the first one cannot be shown. */
const otherListed = 5;

/**
 * Whether a ticket that is listed is found by its id, too; asked twice, apart in time, since a replica that lags may not know it yet. Where the source fails on that very ticket
 * another one tells as much.
 */
async function isAnsweredById(
  deps: CensusDeps,
  listedId: string,
  missing: readonly TicketState[],
  signal: AbortSignal,
): Promise<boolean> {
  const { clock, settings, index } = deps;
  const notThese = new Set([listedId, ...missing.map(({ ticket_id }) => ticket_id)]);
  const others: string[] = [];
  for (const { ticketId, listed } of index.createdBetween()) {
    if (others.length === otherListed) break;
    if (listed && !notThese.has(ticketId)) others.push(ticketId);
  }
  try {
    for (const id of [listedId, ...others]) {
      const exists = await existence(deps, id, signal);
      if (exists === null) continue;
      if (exists) return true;
      await clock.sleep(settings.confirmDelayMs, signal);
      return (await existence(deps, id, signal)) === true;
    }
    return false;
  } catch (error) {
    // Permissions are given per method: without this one, everything but the census goes on.
    if (isFailure(error, "Forbidden")) return false;
    throw error;
  }
}

/** Whether each ticket exists; null where the source gives no answer about it, so that nothing is decided. */
async function existences(
  deps: CensusDeps,
  tickets: readonly TicketState[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, boolean | null>> {
  return new Map(
    await Promise.all(
      tickets.map(
        async ({ ticket_id }) => [ticket_id, await existence(deps, ticket_id, signal)] as const,
      ),
    ),
  );
}

async function existence(
  { asker }: CensusDeps,
  ticketId: string,
  signal: AbortSignal,
): Promise<boolean | null> {
  try {
    return await asker.exists(ticketId, "confirm", signal);
  } catch (error) {
    if (isFailure(error, ...pageFailures)) return null;
    throw error;
  }
}

/** Held tickets that are created near each other: what one count is asked for. */
export interface Bucket {
  readonly from: string;
  readonly to: string;
  /** Ids of tickets that the source should list. */
  readonly listedIds: readonly string[];
}

/** Minutes between two buckets in which nothing held was created: bounds are sent a minute wider on both sides, and must not add a neighbour. */
const leastGap = 3;

/** The first bucket of held tickets, oldest first: `target` listed ones or more, up to a gap. null when there are none. Pure. */
export function firstBucket(tickets: Iterable<CreatedTicket>, target: number): Bucket | null {
  let [from, to] = ["", ""];
  const listedIds: string[] = [];
  for (const { ticketId, created, listed } of tickets) {
    if (listedIds.length >= target && minutesBetween(to, created) >= leastGap) break;
    from ||= created;
    to = created;
    if (listed) listedIds.push(ticketId);
  }
  return from === "" ? null : { from, to, listedIds };
}

/** Lists a bucket and publishes what differs. Resolves with tickets that are held and not listed, and that no hole may hide, and with one that is listed. */
export async function listBucket(
  deps: RereadDeps,
  { from, to, listedIds }: Bucket,
  signal: AbortSignal,
): Promise<Missing> {
  const { index, publisher } = deps;
  const { shown, holes } = await reread(deps, { by: "create_date", bounds: { from, to } }, signal);
  // A hole that this reading met may have been read by now, and yet hid a ticket from it.
  const hiding = [...holes, ...[...publisher.holes.values()].map(windowOfHole)];
  const missing = listedIds
    .filter((id) => !shown.has(id))
    .map((id) => index.get(id))
    .filter((state) => state !== null)
    .filter(({ created_at_raw }) => !mayHide(hiding, minuteOf(created_at_raw ?? "")));
  return { missing, listedId: [...shown][0] ?? null };
}

/** What was held and not listed, and one ticket that was listed; null when there was none. */
export interface Missing {
  readonly missing: readonly TicketState[];
  readonly listedId: string | null;
}

/**
 * Looks for tickets that are gone by counting (thulium-api.md A22): a bucket whose count agrees with what is held is passed over, any other is listed. Counts may
 * lie: the complete listing sees every ticket again. Resolves with what is held and not listed, and one ticket that is.
 */
export async function countedMissing(
  deps: RereadDeps,
  target: number,
  signal: AbortSignal,
): Promise<Missing> {
  const missing: TicketState[] = [];
  let [seenId, countedId]: (string | null | undefined)[] = [];
  const bucketFrom = (from: string) => firstBucket(deps.index.createdBetween(from), target);
  for (
    let bucket = bucketFrom("");
    bucket !== null;
    bucket = bucketFrom(addMinutes(bucket.to, 1))
  ) {
    if ((await countOf(deps.asker, bucket, signal)) === bucket.listedIds.length) {
      countedId ??= bucket.listedIds[0];
      continue;
    }
    const found = await listBucket(deps, bucket, signal);
    seenId ??= found.listedId;
    missing.push(...found.missing);
  }
  return { missing, listedId: seenId ?? countedId ?? null };
}

/** Tickets that the source counts in a bucket; null when it cannot tell. */
async function countOf(
  asker: Asker,
  { from, to }: Bucket,
  signal: AbortSignal,
): Promise<number | null> {
  const request = { created: { from, to }, orderBy: "create_date", offset: 0, limit: 1 } as const;
  try {
    return (await asker.list(request, "reread", signal)).count;
  } catch (error) {
    if (isFailure(error, ...pageFailures)) return null;
    throw error;
  }
}
