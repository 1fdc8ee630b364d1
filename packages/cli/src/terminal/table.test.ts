import { expect, it } from "vitest";
import { renderTable } from "./table.ts";

it("aligns text left, numbers right, and keeps hostile text from moving the cursor", () => {
  const text = renderTable(
    ["queue", "open"],
    [
      ["help\u001b[2J", 7],
      ["sprzedaż", 1204],
    ],
  );
  expect(text.split("\n")).toEqual([
    "queue     open",
    "────────  ────",
    "help [2J     7",
    "sprzedaż  1204",
  ]);
});
