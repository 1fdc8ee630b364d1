import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { readStepPatterns } from "./step-patterns.ts";

const folder = mkdtempSync(join(tmpdir(), "step-patterns-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileOf(content: unknown): string {
  const path = join(folder, "patterns.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

it("reads wordings with their named groups", () => {
  const pattern = "Kolejka: \\[(?<from>.*?)\\] -> \\[(?<to>.*?)\\]";
  const [read] = readStepPatterns(fileOf([{ kind: "moved_queue", pattern }]));
  expect(read?.kind).toBe("moved_queue");
  expect(read?.pattern.exec("Kolejka: [Sprzedaż] -> [Serwis]")?.groups).toMatchObject({
    from: "Sprzedaż",
    to: "Serwis",
  });
});

it.each([
  ["{", "must name a readable JSON file"],
  [[{ kind: "exploded", pattern: "(?<from>a)(?<to>b)" }], "0.kind"],
  [[{ kind: "closed", pattern: "(?<from>a" }], "must be a regular expression"],
  [[{ kind: "closed", pattern: "a" }], "must have the named groups from and to"],
])("refuses %j", (content, message) => {
  expect(() => readStepPatterns(fileOf(content))).toThrow(message);
});
