import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { lakeTables } from "./columns.ts";
import { columnsPage } from "./columns-page.ts";

const page = fileURLToPath(new URL("../../../docs/lake-columns.md", import.meta.url));

it("docs/lake-columns.md is the page that the columns make", async () => {
  await expect(columnsPage(lakeTables)).toMatchFileSnapshot(page);
});

it("every column has a meaning and a source", () => {
  const rows = columnsPage(lakeTables)
    .split("\n")
    .filter((line) => /^\| `/.test(line));
  expect(rows.length).toBeGreaterThan(100);
  const bare = rows.filter((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(5, 7)
      .some((cell) => cell.trim() === ""),
  );
  expect(bare).toEqual([]);
});
