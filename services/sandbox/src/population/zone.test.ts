import { createWallClock } from "@thulium-stream/thulium-api/pure";
import { describe, expect, it } from "vitest";
import { minuteText } from "../api/naive-time.ts";
import { Zone } from "./zone.ts";

const fromS = Date.UTC(2020, 0, 1) / 1000;
const toS = Date.UTC(2030, 0, 1) / 1000;

describe("Zone", () => {
  it.each(["Europe/Warsaw", "UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])(
    "shows what the client's wall clock shows, every 7 hours and 13 minutes of ten years: %s",
    (name) => {
      const zone = new Zone(name, fromS, toS);
      const clock = createWallClock(name);
      const wrong: number[] = [];
      for (let atS = fromS; atS < toS; atS += 25_980) {
        if (minuteText(zone.wallOf(atS)) !== clock.toText(atS * 1000)) wrong.push(atS);
      }
      expect(wrong).toEqual([]);
    },
  );

  it("repeats 02:00–02:59 in the October night and skips it in March (A2)", () => {
    const zone = new Zone("Europe/Warsaw", fromS, toS);
    const text = (at: string) => minuteText(zone.wallOf(Date.parse(at) / 1000));
    expect(text("2026-10-25T00:30:00Z")).toBe("2026-10-25 02:30");
    expect(text("2026-10-25T01:30:00Z")).toBe("2026-10-25 02:30");
    expect(text("2026-03-29T00:59:59Z")).toBe("2026-03-29 01:59");
    expect(text("2026-03-29T01:00:00Z")).toBe("2026-03-29 03:00");
  });

  it("refuses a zone that does not exist", () => {
    expect(() => new Zone("Europe/Warszawa", fromS, toS)).toThrow(/IANA time zone/);
  });
});
