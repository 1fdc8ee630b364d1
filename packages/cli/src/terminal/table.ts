/** Rows as an aligned text table; numbers to the right, and the columns named as `right`; headings above a rule. */
export function renderTable(
  headings: readonly string[],
  rows: readonly (readonly unknown[])[],
  right: readonly string[] = [],
): string {
  const cells = rows.map((row) => row.map(cellText));
  const widths = headings.map((heading, column) =>
    Math.max(displayWidth(heading), ...cells.map((row) => displayWidth(row[column] ?? ""))),
  );
  const isNumeric = headings.map(
    (heading, column) =>
      right.includes(heading) || (rows.length > 0 && rows.every((row) => isNumber(row[column]))),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => pad(cell, widths[column] ?? 0, isNumeric[column] ?? false))
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "─".repeat(width)).join("  ");
  return [line(headings), rule, ...cells.map(line)].join("\n");
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" || typeof value === "bigint";
}

/** One line a cell: control characters, which could move the cursor of a terminal, are shown as a space. */
function cellText(value: unknown): string {
  if (value === null || value === undefined) return "–";
  const text =
    typeof value === "string"
      ? value
      : typeof value === "object"
        ? JSON.stringify(value)
        : String(value);
  return withoutControls(text);
}

/** Text of others made safe for a terminal. */
export function withoutControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]+/gu, " ");
}

function pad(text: string, width: number, right: boolean): string {
  const space = " ".repeat(Math.max(0, width - displayWidth(text)));
  return right ? space + text : text + space;
}

function displayWidth(text: string): number {
  return [...text].length;
}
