import { describe, expect, it } from "vitest";
import { progressLine, sizeText, spanText } from "./progress.ts";

const progress = { done: 5000, expected: 20_000, unit: "tickets", ratePerS: 812.4, etaS: 18.4 };

describe("progressLine", () => {
  it("shows share, counts, rate and time left", () => {
    expect(progressLine("backfill", progress, true)).toBe(
      "backfill ██████░░░░░░░░░░░░░░░░░░  25 %  5\u202f000 of 20\u202f000 tickets · 812/s · 18 s left",
    );
  });

  it("stays within the bar when the source's count was too small", () => {
    expect(progressLine("x", { ...progress, done: 30_000 }, true)).toContain("█".repeat(24));
    expect(progressLine("x", { ...progress, done: 30_000 }, false)).toContain("100 %");
  });
});

describe("spanText", () => {
  it.each([
    [8.4, "8 s"],
    [200, "3 min 20 s"],
    [180, "3 min"],
    [7500, "2 h 5 min"],
    [172_799, "47 h 59 min"],
    [273_600, "3 d 4 h"],
  ])("%d is %s", (seconds, text) => {
    expect(spanText(seconds)).toBe(text);
  });
});

describe("sizeText", () => {
  it.each([
    [0, "0 B"],
    [840, "840 B"],
    [1000, "1 kB"],
    [2_471_656, "2.4 MB"],
    [10_450_000, "10 MB"],
    [33_285_996_544, "31 GB"],
  ])("%d is %s", (bytes, text) => {
    expect(sizeText(bytes)).toBe(text);
  });
});
