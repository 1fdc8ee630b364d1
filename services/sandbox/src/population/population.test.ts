import { describe, expect, it } from "vitest";
import { minuteText } from "../api/naive-time.ts";
import { createSandbox } from "../index.ts";
import { LifeWriter } from "./life.ts";
import { Population, type PopulationOptions } from "./population.ts";
import { Zone } from "./zone.ts";

const startS = Date.parse("2026-11-23T09:00:00.000Z") / 1000;
const zone = new Zone("Europe/Warsaw", startS - 900 * 86_400, startS + 365 * 86_400);

function populate(options: Partial<PopulationOptions> = {}): Population {
  return new Population({
    seed: 42,
    startS,
    tickets: 20_000,
    historyDays: 730,
    changesPerHour: 360,
    zone,
    touchOn: "all",
    listsMerged: false,
    movesMessages: true,
    ...options,
  });
}

describe("a life", () => {
  it("is the same whenever it is written, strictly increasing, and begins with its creation", () => {
    const [one, other] = [new LifeWriter(7, zone), new LifeWriter(7, zone)];
    for (let number = 0; number < 3000; number++) {
      one.write(number, startS + number);
      if (number % 3 === 0) other.write(number + 1, startS);
      other.write(number, startS + number);
      const instants = [...one.atS.subarray(0, one.count)];
      expect([...other.atS.subarray(0, other.count)]).toEqual(instants);
      expect([...other.deed.subarray(0, other.count)]).toEqual([
        ...one.deed.subarray(0, one.count),
      ]);
      expect([...other.arg.subarray(0, other.count)]).toEqual([...one.arg.subarray(0, one.count)]);
      expect(instants[0]).toBe(startS + number);
      expect(one.deed[0]).toBe(0);
      expect(instants.every((atS, i) => i === 0 || atS > (instants[i - 1] as number))).toBe(true);
    }
  });
});

describe("a population", () => {
  it("has its historic tickets over its span, more by day than by night and on weekdays than on Sundays", () => {
    const { columns } = populate();
    expect(columns.rows).toBe(20_000);
    const hours = new Array<number>(24).fill(0);
    const days = new Array<number>(7).fill(0);
    for (let row = 0; row < columns.rows; row++) {
      const wallS = columns.createdWallS[row] as number;
      hours[Math.floor(wallS / 3600) % 24] = (hours[Math.floor(wallS / 3600) % 24] ?? 0) + 1;
      const day = (Math.floor(wallS / 86_400) + 4) % 7;
      days[day] = (days[day] ?? 0) + 1;
      expect(columns.createdS[row]).toBeLessThan(startS);
    }
    expect(Math.min(...columns.createdS.subarray(0, 20_000))).toBeLessThan(startS - 725 * 86_400);
    expect((hours[10] ?? 0) / (hours[3] ?? 1)).toBeGreaterThan(8);
    expect((days[1] ?? 0) / (days[0] ?? 1)).toBeGreaterThan(2);
  });

  it("keeps both orders equal to a sort of its listed rows while it lives", () => {
    const population = populate({ tickets: 3000, historyDays: 30, changesPerHour: 2000 });
    for (let hour = 1; hour <= 12; hour++) {
      population.advanceTo(startS + hour * 3600);
      const { columns } = population;
      const rows = Array.from({ length: columns.rows }, (_, row) => row).filter((row) =>
        population.isListed(row),
      );
      expect(population.listedTickets).toBe(rows.length);
      for (const [index, keys] of [
        [population.byCreated, columns.createdWallS],
        [population.byUpdated, columns.updatedWallS],
      ] as const) {
        const sorted = [...rows].sort((a, b) => (keys[a] as number) - (keys[b] as number) || a - b);
        expect([...index.slice(0, index.length)]).toEqual(sorted);
      }
    }
  });

  it("makes about as many changes an hour as it was told, over a week", () => {
    const population = populate({ changesPerHour: 300 });
    population.advanceTo(startS + 21 * 86_400);
    const before = population.log.length;
    population.advanceTo(startS + 28 * 86_400);
    const perHour = (population.log.length - before) / (7 * 24);
    expect(perHour).toBeGreaterThan(300 * 0.8);
    expect(perHour).toBeLessThan(300 * 1.25);
  });

  it("does everything a ticket can live through", () => {
    const population = populate();
    population.advanceTo(startS + 14 * 86_400);
    const kinds = new Set([...population.log.since(0)].map(({ kind }) => kind));
    for (const kind of [
      ...["create", "mail", "reply", "comment", "assign", "close", "queue", "category", "tag"],
      ...["untag", "custom_field", "rate", "postpone", "wake", "merge", "absorb", "delete", "edit"],
    ]) {
      expect(kinds).toContain(kind);
    }
  });

  it("flips postponed tickets on quarter hours, many in the same minute", () => {
    const population = populate();
    population.advanceTo(startS + 15 * 86_400);
    const perMinute = new Map<string, number>();
    let natural = 0;
    for (const { kind, at } of population.log.since(0)) {
      if (kind !== "wake") continue;
      const minute = minuteText(zone.wallOf(Date.parse(at) / 1000));
      if (/:(00|15|30|45)$/.test(minute)) natural++;
      perMinute.set(minute, (perMinute.get(minute) ?? 0) + 1);
    }
    const total = [...perMinute.values()].reduce((sum, count) => sum + count, 0);
    expect(natural / total).toBeGreaterThan(0.8);
    expect(Math.max(...perMinute.values())).toBeGreaterThan(50);
  });

  it("is another one with another seed", () => {
    const of = (seed: string) =>
      [
        ...createSandbox({ startMs: startS * 1000, tickets: 50, seed })
          .truth()
          .rows(),
      ].map((row) => JSON.stringify(row));
    const [one, other] = [of("one"), of("other")];
    expect(one.filter((row) => other.includes(row))).toEqual([]);
    expect(of("one")).toEqual(one);
  });

  it("shows the repeated hour of the October night twice, so that stamps go backwards (A2)", () => {
    const nightS = Date.parse("2026-10-24T22:00:00.000Z") / 1000;
    const population = populate({
      startS: nightS,
      tickets: 2000,
      historyDays: 30,
      changesPerHour: 4000,
    });
    const newest: string[] = [];
    for (let minute = 0; minute <= 300; minute += 30) {
      population.advanceTo(nightS + minute * 60);
      newest.push(minuteText(zone.wallOf(nightS + minute * 60)));
    }
    expect(newest).not.toEqual([...newest].sort());
    const inFold = population.byUpdated;
    const foldS = Date.parse("2026-10-25T02:00:00Z") / 1000;
    const shown = inFold.slice(inFold.rankOf(foldS), inFold.rankOf(foldS + 3600));
    const fold = population.newFold();
    const passes = new Set(
      [...shown].map((row) => population.foldOf(row, fold).updatedS < nightS + 3 * 3600),
    );
    expect(passes).toEqual(new Set([true, false]));
  });

  it("starts 100,000 tickets in three seconds at most, on a busy machine too", {
    timeout: 3000,
  }, () => {
    expect(populate({ tickets: 100_000 }).listedTickets).toBeGreaterThan(95_000);
  });
});
