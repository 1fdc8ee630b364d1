import { instantOf } from "@thulium-stream/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addMinutes, createWallClock, minutesBetween } from "./wall-clock.ts";

const warsaw = createWallClock("Europe/Warsaw");
const utc = (text: string) => Date.parse(`${text}:00.000Z`);
const startsOf = (text: string) =>
  warsaw
    .toInstants(text)
    ?.intervals.map(({ startMs }) => new Date(startMs).toISOString().slice(0, 16));

describe("the wall clock of Warsaw", () => {
  it("is an hour ahead in winter and two in summer", () => {
    expect(startsOf("2026-11-23 09:30")).toEqual(["2026-11-23T08:30"]);
    expect(startsOf("2026-07-01 09:30")).toEqual(["2026-07-01T07:30"]);
  });

  it.each([
    ["2025-10-26 02:30", "2025-10-26T00:30", "2025-10-26T01:30"],
    ["2026-10-25 02:00", "2026-10-25T00:00", "2026-10-25T01:00"],
    ["2026-10-25 02:59", "2026-10-25T00:59", "2026-10-25T01:59"],
  ])("shows %s twice", (text, first, second) => {
    expect(warsaw.toInstants(text)?.ambiguous).toBe(true);
    expect(startsOf(text)).toEqual([first, second]);
  });

  it("shows the minutes around the repeated hour once", () => {
    expect(startsOf("2026-10-25 01:59")).toEqual(["2026-10-24T23:59"]);
    expect(startsOf("2026-10-25 03:00")).toEqual(["2026-10-25T02:00"]);
  });

  it.each(["2025-03-30 02:30", "2026-03-29 02:00"])(
    "never shows %s, which is read an hour later",
    (text) => {
      const reading = warsaw.toInstants(text);
      expect(reading).toMatchObject({ gap: true, ambiguous: false });
      expect(warsaw.toText(reading?.intervals[0]?.startMs ?? 0)).toBe(text.replace(" 02:", " 03:"));
    },
  );

  it("is a minute wide, or a second when seconds are sent", () => {
    const width = (text: string) =>
      warsaw.toInstants(text)?.intervals.map(({ startMs, endMs }) => endMs - startMs);
    expect(width("2026-11-23 09:30")).toEqual([60_000]);
    expect(width("2026-11-23 09:30:07")).toEqual([1000]);
  });

  it.each([
    "",
    "2026-02-30 10:00",
    "2026-13-01 10:00",
    "2026-01-01 24:00",
    "2026-01-01T10:00",
    "2026-1-1 9:00",
    "2026-01-01 10:00:60",
  ])("refuses %j", (text) => {
    expect(warsaw.toInstants(text)).toBeNull();
  });

  it("finds the smallest text of a range that contains the repeated hour", () => {
    const [from, to] = [utc("2026-10-25T00:45"), utc("2026-10-25T01:30")];
    expect([warsaw.toText(from), warsaw.toText(to)]).toEqual([
      "2026-10-25 02:45",
      "2026-10-25 02:30",
    ]);
    expect(warsaw.earliestText(from, to)).toBe("2026-10-25 02:00");
    expect(warsaw.latestText(from, to)).toBe("2026-10-25 02:59");
  });

  it("reads back every instant that it shows (property)", () => {
    const instants = fc.integer({
      min: Date.UTC(1970, 0, 2) / 60_000,
      max: Date.UTC(2100, 0, 1) / 60_000,
    });
    fc.assert(
      fc.property(instants, (minutes) => {
        const startMs = minutes * 60_000;
        expect(
          warsaw.toInstants(warsaw.toText(startMs))?.intervals.map((interval) => interval.startMs),
        ).toContain(startMs);
      }),
    );
  });

  it("never shows a smaller text within a range than the earliest (property)", () => {
    const nights = [utc("2026-10-24T22:00"), utc("2026-03-28T23:00"), utc("2026-06-01T00:00")];
    fc.assert(
      fc.property(
        fc.constantFrom(...nights),
        fc.nat(300),
        fc.nat(300),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (base, start, length, share) => {
          const [from, to] = [base + start * 60_000, base + (start + length) * 60_000];
          const inside = warsaw.toText(Math.floor(from + (to - from) * share));
          expect(
            inside >= warsaw.earliestText(from, to) && inside <= warsaw.latestText(from, to),
          ).toBe(true);
        },
      ),
    );
  });
});

describe("the wall clock of any zone", () => {
  it.each([
    ["Europe/Warsaw", "2026-10-24T20:00"],
    ["Europe/Warsaw", "2026-03-28T20:00"],
    // Half an hour is repeated, half an hour is skipped.
    ["Australia/Lord_Howe", "2026-04-04T11:00"],
    ["Australia/Lord_Howe", "2026-10-03T11:00"],
    ["Asia/Kolkata", "2026-06-01T00:00"],
    ["America/St_Johns", "2026-11-01T00:00"],
  ])("reads every text of %s as the instants that show it (%s and twelve hours)", (zone, from) => {
    const clock = createWallClock(zone);
    const shown = new Map<string, number[]>();
    for (let minute = 0; minute < 720; minute += 1) {
      const ms = utc(from) + minute * 60_000;
      shown.set(clock.toText(ms), [...(shown.get(clock.toText(ms)) ?? []), ms]);
    }
    for (const [text, starts] of shown) {
      const reading = clock.toInstants(text);
      expect(reading?.intervals.map(({ startMs }) => startMs)).toEqual(starts);
      expect(reading).toMatchObject({ ambiguous: starts.length > 1, gap: false });
      expect(reading?.first).toBe(instantOf(starts[0] ?? 0));
      const second = clock.toInstants(`${text}:07`);
      expect(second?.first).toBe(instantOf((starts[0] ?? 0) + 7000));
      expect(second?.intervals[0]?.startMs).toBe((starts[0] ?? 0) + 7000);
    }
  });
});

describe("minutes as text", () => {
  it("are added without regard to clock changes", () => {
    expect(addMinutes("2026-03-29 01:59", 1)).toBe("2026-03-29 02:00");
    expect(addMinutes("2026-01-01 00:00", -1)).toBe("2025-12-31 23:59");
    expect(minutesBetween("2026-01-01 00:00", "2026-01-02 00:00")).toBe(1440);
  });
});
