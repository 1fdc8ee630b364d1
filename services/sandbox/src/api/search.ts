import { companyOf } from "../population/catalogue.ts";
import { mix } from "../population/draw.ts";
import type { Population } from "../population/population.ts";
import type { RowSequence, SortedRows } from "../population/sorted-rows.ts";
import type { TicketFold } from "../population/ticket-fold.ts";
import { customsOf } from "./render-ticket.ts";
import type { OrderKey, TicketQuery, WallRange } from "./ticket-query.ts";

/** What a search found. */
export interface Found {
  /** Matches, ignoring limit and offset. */
  readonly count: number;
  /** The page's rows, in order. */
  readonly rows: readonly number[];
}

/** How rows with equal stamps are ordered (A9). */
export interface Ties {
  readonly shuffled: boolean;
  /** Differs with every request. */
  readonly salt: number;
  /** Stamps are equal within so many seconds: 60 when minutes are shown. */
  readonly unitS: number;
}

/**
 * Answers a query from the sorted orders: date bounds by binary search, the page by its position, other filters by
 * scanning what the narrower bound leaves.
 */
export function search(
  population: Population,
  query: TicketQuery,
  ties: Ties,
  fold: TicketFold,
): Found {
  const primary = query.order[0] ?? { by: "updated", descending: true };
  const index = primary.by === "created" ? population.byCreated : population.byUpdated;
  const ownRange = primary.by === "created" ? query.created : query.updated;
  const otherRange = primary.by === "created" ? query.updated : query.created;
  const matches = matcher(population, query, fold);
  if (otherRange === null && matches === null && query.messageId === null) {
    return pageOf(population, part(index, ownRange), query, ties);
  }
  return pageOf(population, scan(population, query, primary, matches), query, ties);
}

/** The part of an order that lies within a range. */
function part(index: SortedRows, range: WallRange | null): RowSequence {
  const [from, to] = bounds(index, range);
  return {
    length: Math.max(0, to - from),
    slice: (low, high) => index.slice(from + low, from + high),
    rankOf: (key) => Math.min(Math.max(index.rankOf(key), from), to) - from,
  };
}

function bounds(index: SortedRows, range: WallRange | null): [number, number] {
  if (range === null) return [0, index.length];
  const from = range.fromS === Number.NEGATIVE_INFINITY ? 0 : index.rankOf(range.fromS);
  const to = range.toS === Number.POSITIVE_INFINITY ? index.length : index.rankOf(range.toS + 1);
  return [from, to];
}

/** Rows that pass everything, ascending by the primary key. */
function scan(
  population: Population,
  query: TicketQuery,
  primary: OrderKey,
  matches: ((row: number) => boolean) | null,
): RowSequence {
  const { columns } = population;
  const { rows, ordered } = candidates(population, query, primary);
  const kept = rows.filter(
    (row) =>
      within(columns.createdWallS[row] as number, query.created) &&
      within(columns.updatedWallS[row] as number, query.updated) &&
      (matches === null || matches(row)),
  );
  const keyOf = keyReader(population, primary);
  if (!ordered) kept.sort((a, b) => keyOf(a) - keyOf(b) || a - b);
  return {
    length: kept.length,
    slice: (from, to) => kept.slice(from, to),
    rankOf: (key) => rankIn(kept, keyOf, key),
  };
}

/** The rows of the narrower date bound, and whether they already stand in the order of the primary key. */
function candidates(
  population: Population,
  query: TicketQuery,
  primary: OrderKey,
): { readonly rows: Int32Array; readonly ordered: boolean } {
  const { byCreated, byUpdated } = population;
  if (query.messageId !== null) {
    const row = population.rowOfMessage(query.messageId);
    const listed = row >= 0 && population.isListed(row);
    return { rows: Int32Array.from(listed ? [row] : []), ordered: true };
  }
  const created = bounds(byCreated, query.created);
  const updated = bounds(byUpdated, query.updated);
  const own = primary.by === "created" ? created : updated;
  const other = primary.by === "created" ? updated : created;
  const ordered = own[1] - own[0] <= other[1] - other[0];
  const viaCreated = ordered === (primary.by === "created");
  const [from, to] = viaCreated ? created : updated;
  return { rows: (viaCreated ? byCreated : byUpdated).slice(from, to), ordered };
}

function within(wallS: number, range: WallRange | null): boolean {
  return range === null || (wallS >= range.fromS && wallS <= range.toS);
}

function rankIn(rows: Int32Array, keyOf: (row: number) => number, key: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keyOf(rows[middle] as number) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The filter beside dates; null when there is none. */
function matcher(
  population: Population,
  query: TicketQuery,
  fold: TicketFold,
): ((row: number) => boolean) | null {
  const { columns } = population;
  const tests: ((row: number) => boolean)[] = [];
  const { companyId, customerId, user, source, queue, category, statusIds } = query;
  if (customerId !== null)
    tests.push((row) => customerId > 0 && columns.customer[row] === customerId);
  if (companyId !== null) {
    tests.push(
      (row) =>
        columns.customer[row] !== 0 && companyOf(columns.customer[row] as number) === companyId,
    );
  }
  if (user !== null) tests.push((row) => columns.user[row] === user);
  if (source !== null) tests.push((row) => columns.source[row] === source);
  if (queue !== null) tests.push((row) => columns.queue[row] === queue);
  if (category !== null) tests.push((row) => category >= 0 && columns.category[row] === category);
  if (statusIds !== null) tests.push((row) => statusIds.includes(columns.status[row] as number));
  const wanted = query.customFields;
  if (wanted !== null) {
    tests.push((row) => {
      const held = customsOf(population.foldOf(row, fold));
      return [...wanted].every(([name, values]) => values.includes(String(held.get(name) ?? "")));
    });
  }
  return tests.length === 0 ? null : (row) => tests.every((test) => test(row));
}

function pageOf(population: Population, all: RowSequence, query: TicketQuery, ties: Ties): Found {
  const primary = query.order[0] ?? { by: "updated", descending: true };
  const count = all.length;
  const first = Math.min(query.offset, count);
  const end = Math.min(query.offset + query.limit, count);
  if (first >= end) return { count, rows: [] };
  // Positions in ascending order; a group of equal stamps is taken whole, since its rows may stand anywhere in it.
  const [low, high] = primary.descending ? [count - end, count - first] : [first, end];
  const keyOf = keyReader(population, primary);
  const unit = (key: number) => Math.floor(key / ties.unitS) * ties.unitS;
  const groupLow = all.rankOf(unit(keyOf(all.slice(low, low + 1)[0] as number)));
  const groupHigh = all.rankOf(unit(keyOf(all.slice(high - 1, high)[0] as number)) + ties.unitS);
  const rows = [...all.slice(groupLow, groupHigh)];
  rows.sort(comparator(population, query.order, ties));
  const skipped = primary.descending ? groupHigh - high : low - groupLow;
  return { count, rows: rows.slice(skipped, skipped + end - first) };
}

function keyReader(population: Population, { by }: OrderKey): (row: number) => number {
  const { columns } = population;
  const keys = by === "created" ? columns.createdWallS : columns.updatedWallS;
  return (row) => keys[row] as number;
}

function comparator(
  population: Population,
  order: readonly OrderKey[],
  ties: Ties,
): (a: number, b: number) => number {
  const keys = order.map((key) => ({
    read: keyReader(population, key),
    descending: key.descending,
  }));
  const unitS = ties.shuffled ? ties.unitS : 1;
  return (a, b) => {
    for (const { read, descending } of keys) {
      const difference = Math.floor(read(a) / unitS) - Math.floor(read(b) / unitS);
      if (difference !== 0) return descending ? -difference : difference;
    }
    return ties.shuffled ? mix(ties.salt, a) - mix(ties.salt, b) || a - b : a - b;
  };
}
