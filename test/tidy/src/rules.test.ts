import { describe, expect, it } from "vitest";
import { sourceTree } from "./source-tree.ts";

const files = sourceTree();
const ports = [
  { port: "packages/contracts/src/ports/event-log.ts", letter: "L" },
  { port: "packages/contracts/src/ports/object-store.ts", letter: "O" },
  { port: "packages/contracts/src/ports/ticket-source.ts", letter: "S" },
  { port: "packages/contracts/src/ports/parquet-encoder.ts", letter: "P" },
  { port: "packages/contracts/src/ports/clock.ts", letter: "C" },
];

describe("numbered rules of the ports", () => {
  it.each(ports)(
    "$letter: every rule is cited by a test, and no test cites one that is not there",
    ({ port, letter }) => {
      const stated = new Set(rulesIn(textOf(port), new RegExp(`^ \\* (${letter}\\d+)\\s`, "gm")));
      expect(stated.size).toBeGreaterThan(0);
      const tests = files.filter(({ path }) =>
        /\.test\.ts$|\/conformance\/|manual-clock\.ts$/.test(path),
      );
      const cited = new Set(tests.flatMap(({ text }) => expand(text, letter)));
      expect([...stated].filter((rule) => !cited.has(rule))).toEqual([]);
      expect([...cited].filter((rule) => !stated.has(rule))).toEqual([]);
    },
  );
});

function textOf(path: string): string {
  return files.find((file) => file.path === path)?.text ?? "";
}

function rulesIn(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? "");
}

/** `L3` and ranges such as `C1–C3`. */
function expand(text: string, letter: string): string[] {
  const ranges = [
    ...text.matchAll(new RegExp(`\\b${letter}(\\d+)–${letter}?(\\d+)\\b`, "g")),
  ].flatMap((match) => {
    const [first, last] = [Number(match[1]), Number(match[2])];
    return Array.from(
      { length: Math.max(0, last - first + 1) },
      (_, step) => `${letter}${first + step}`,
    );
  });
  return [...ranges, ...rulesIn(text, new RegExp(`(?<![%\\w])(${letter}\\d{1,2})\\b`, "g"))];
}
