import { describe, expect, it } from "vitest";
import { eventType, instant, kindOfEvent, publishedSince } from "./option-values.ts";

describe("values of options", () => {
  it("take a time as an instant with its zone, as a day, and as how long ago", () => {
    const nowMs = Date.parse("2026-11-25T12:00:00Z");
    expect(publishedSince("2h")(nowMs)).toBe(nowMs - 7_200_000);
    expect(publishedSince("2026-11-25T08:00Z")(nowMs)).toBe(Date.parse("2026-11-25T08:00:00Z"));
    expect(publishedSince("2026-11-25T08:00:30+01:00")(nowMs)).toBe(
      Date.parse("2026-11-25T07:00:30Z"),
    );
    expect(publishedSince("2026-11-25")(nowMs)).toBe(Date.parse("2026-11-25T00:00:00Z"));
  });

  it.each(["yesterday", "2026-11-25T08:00", "2026-13-01", "", "2026-11-25Z"])(
    "refuse the time %j",
    (text) => {
      expect(() => publishedSince(text)).toThrow("how long ago");
    },
  );

  it("take an instant with its zone or a day, and none that each machine reads in its own way", () => {
    expect(instant("2026-11-24T08:00:00Z")).toBe(Date.parse("2026-11-24T08:00:00Z"));
    expect(instant("2026-11-24")).toBe(Date.parse("2026-11-24T00:00:00Z"));
    for (const text of ["2026-11-24T08:00", "1", "2026", "2h", "24.11.2026"])
      expect(() => instant(text), text).toThrow("with its zone");
  });

  it("take a type with and without prefix, a known kind, and list what there is otherwise", () => {
    expect(eventType("message.added")).toBe("thulium.message.added");
    expect(eventType("thulium.ticket.updated")).toBe("thulium.ticket.updated");
    expect(kindOfEvent("closed")).toBe("closed");
    expect(() => eventType("ticket.closed")).toThrow("ticket.created, ticket.updated");
    expect(() => kindOfEvent("close")).toThrow("closed, reopened");
  });
});
