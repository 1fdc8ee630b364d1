import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Population } from "../population/population.ts";
import { Zone } from "../population/zone.ts";
import { minuteText } from "./naive-time.ts";
import { parsePhpQuery } from "./php-query-parser.ts";
import { readTicketQuery } from "./read-ticket-query.ts";
import { search } from "./search.ts";
import { parseSwitches } from "./switches.ts";

const startS = Date.parse("2026-11-23T09:00:00.000Z") / 1000;
const population = new Population({
  seed: 3,
  startS,
  tickets: 1200,
  historyDays: 3,
  changesPerHour: 900,
  zone: new Zone("Europe/Warsaw", startS - 40 * 86_400, startS + 40 * 86_400),
  touchOn: "all",
  listsMerged: false,
  movesMessages: true,
});
population.advanceTo(startS + 5 * 3600);
const { columns } = population;
const fold = population.newFold();

/** All pages of a query, with another shuffle for each. */
function pages(query: string, unitS: number) {
  const rows: number[] = [];
  let count = 0;
  for (let salt = 1; ; salt++) {
    const text = `${query}&limit=100&offset=${rows.length}`;
    const read = readTicketQuery(parsePhpQuery(text), parseSwitches(""), population.logins);
    const found = search(population, read, { shuffled: false, salt, unitS }, fold);
    count = found.count;
    if (found.rows.length === 0) return { rows, count };
    rows.push(...found.rows);
  }
}

describe("search", () => {
  it("finds and sorts what a plain filter and sort of all rows does, whichever index it takes", () => {
    const at = fc.integer({ min: startS - 3 * 86_400, max: startS + 6 * 3600 });
    const bound = fc.option(at, { nil: null });
    const order = fc.constantFrom("create_date", "-create_date", "update_date", "-update_date");
    const filter = fc.record({
      updated: fc.tuple(bound, bound),
      created: fc.tuple(bound, bound),
      queue: fc.option(fc.constantFrom(2, 3, 5, 99), { nil: null }),
      statuses: fc.option(fc.subarray([1, 2, 5, 6], { minLength: 1 }), { nil: null }),
      order: fc.tuple(order, order),
    });
    const text = (name: string, wallS: number | null) =>
      wallS === null ? [] : [`${name}=${minuteText(wallS)}`];
    fc.assert(
      fc.property(filter, ({ updated, created, queue, statuses, order }) => {
        const query = [
          ...text("date_from", updated[0]),
          ...text("date_to", updated[1]),
          ...text("create_date_from", created[0]),
          ...text("create_date_to", created[1]),
          ...(queue === null ? [] : [`ticket_queue_id=${queue}`]),
          ...(statuses ?? []).map((status) => `status_id[]=${status}`),
          `order=${order.join(",")}`,
        ].join("&");
        const minute = (wallS: number) => Math.floor(wallS / 60) * 60;
        const within = (value: number, [from, to]: readonly (number | null)[]) =>
          (from == null || value >= minute(from)) && (to == null || value <= minute(to));
        const queueIds = [2, 3, 5, 8, 13, 21, 32, 34];
        const expected = Array.from({ length: columns.rows }, (_, row) => row).filter(
          (row) =>
            population.isListed(row) &&
            within(columns.updatedWallS[row] as number, updated) &&
            within(columns.createdWallS[row] as number, created) &&
            (queue === null || queueIds[columns.queue[row] as number] === queue) &&
            (statuses === null || statuses.includes(columns.status[row] as number)),
        );
        const key = (name: string, row: number) =>
          ((name.includes("create") ? columns.createdWallS : columns.updatedWallS)[row] as number) *
          (name.startsWith("-") ? -1 : 1);
        expected.sort(
          (a, b) =>
            key(order[0], a) - key(order[0], b) || key(order[1], a) - key(order[1], b) || a - b,
        );
        const found = pages(query, 60);
        expect(found.count).toBe(expected.length);
        expect(found.rows).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it("shuffles only within a minute, and cuts pages out of whole minutes", () => {
    const read = readTicketQuery(
      parsePhpQuery("order=update_date&limit=100"),
      parseSwitches(""),
      population.logins,
    );
    const minutesOf = (salt: number, offset: number) =>
      search(population, { ...read, offset }, { shuffled: true, salt, unitS: 60 }, fold).rows.map(
        (row) => Math.floor((columns.updatedWallS[row] as number) / 60),
      );
    const sorted = [...population.byUpdated.slice(0, population.byUpdated.length)].map((row) =>
      Math.floor((columns.updatedWallS[row] as number) / 60),
    );
    for (let salt = 1; salt < 60; salt++) {
      expect(minutesOf(salt, salt * 17)).toEqual(sorted.slice(salt * 17, salt * 17 + 100));
    }
  });
});
