import { type Aggregate, durations, histogramBoundsS, slaClocks } from "./aggregates/aggregate.ts";
import type { GroupLine } from "./metrics-view.ts";

/** Seconds as people read them: 45 s, 12 min, 3.4 h, 2.1 d; – when unknown. */
export function durationText(seconds: number | null): string {
  if (seconds === null) return "–";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86_400).toFixed(1)} d`;
}

/** Which time a report tells. */
export type ReportTime = "calendar" | "business";

/** A report as rows for a table: one line a group, with bars of what was created and of what is open. Headings are {@link reportHeadings}. */
export function reportRows(
  lines: readonly GroupLine[],
  time: ReportTime,
): readonly (readonly (string | number)[])[] {
  // The line of all would make every other bar short.
  const parts = lines.length > 1 ? lines.slice(0, -1) : lines;
  const mostCreated = Math.max(1, ...parts.map(({ created }) => created));
  const mostOpen = Math.max(1, ...parts.map(({ backlog }) => backlog));
  return lines.map((line) => {
    const { key, created, closed, backlog, reopen_rate } = line;
    const response = line[time === "business" ? "first_response_business" : "first_response"];
    const resolution = line[time === "business" ? "resolution_business" : "resolution"];
    return [
      keyText(key),
      created,
      bar(created / mostCreated, 12),
      closed,
      backlog,
      bar(backlog / mostOpen, 8),
      durationText(response.p50_s),
      durationText(response.p90_s),
      durationText(resolution.p50_s),
      durationText(resolution.p90_s),
      percentText(reopen_rate),
      percentText(keptShare(line)),
    ];
  });
}

/** A bar of eighths of a character; nothing for 0, at least a sliver above, never longer than `width`. */
function bar(share: number, width: number): string {
  const eighths = share <= 0 ? 0 : Math.max(1, Math.round(Math.min(1, share) * width * 8));
  const rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8] ?? "";
  return `${"█".repeat(Math.floor(eighths / 8))}${rest}`;
}

function percentText(share: number | null): string {
  return share === null ? "–" : `${Number((share * 100).toFixed(1))} %`;
}

/** Share of all clocks of the service level that were kept; null when none ended. */
function keptShare({ sla }: GroupLine): number | null {
  const met = slaClocks.reduce((sum, clock) => sum + sla[clock].met, 0);
  const breached = slaClocks.reduce((sum, clock) => sum + sla[clock].breached, 0);
  return met + breached === 0 ? null : met / (met + breached);
}

function keyText(key: GroupLine["key"]): string {
  return key.map((value) => value ?? "(none)").join(" / ");
}

/** Headings of {@link reportRows}. */
export const reportHeadings = [
  "group",
  "created",
  "",
  "closed",
  "open",
  "",
  "response p50",
  "p90",
  "resolution p50",
  "p90",
  "reopened",
  "in target",
] as const;

/** A report flat enough for CSV: one object a line, with equal names on every line. */
export function flatLine(line: GroupLine): Readonly<Record<string, string | number | null>> {
  const { key, created, closed, backlog, reopened, reopen_rate, version, corrected_at } = line;
  const flat: Record<string, string | number | null> = {
    group: groupText(key),
    ...{ created, closed, backlog, reopened, reopen_rate, version, corrected_at },
  };
  for (const name of durations) flatten(flat, name, line[name]);
  return { ...flat, ...slaOf(line) };
}

/** The service level of a line, flat enough for CSV. */
export function slaLine(line: GroupLine): Readonly<Record<string, string | number | null>> {
  return { group: groupText(line.key), ...slaOf(line) };
}

function slaOf({ sla }: GroupLine): Readonly<Record<string, number | null>> {
  const cells = slaClocks.flatMap((clock) =>
    Object.entries(sla[clock]).map(([name, value]) => [`sla_${clock}_${name}`, value] as const),
  );
  return Object.fromEntries(cells);
}

function groupText(key: GroupLine["key"]): string {
  return key.map((value) => value ?? "").join(" / ");
}

function flatten(
  flat: Record<string, string | number | null>,
  prefix: string,
  { histogram, ...figures }: Aggregate["resolution"],
): void {
  for (const [name, value] of Object.entries(figures)) flat[`${prefix}_${name}`] = value;
  for (const [at, count] of histogram.entries()) {
    const bound = histogramBoundsS[at];
    flat[`${prefix}_${bound === undefined ? "above" : `le_${bound}_s`}`] = count;
  }
}

/**
 * Objects with the same keys as CSV (RFC 4180). Text that a spreadsheet would take for a formula gets an apostrophe in front: names and subjects are written by
 * strangers.
 */
export function csvOf(lines: readonly Readonly<Record<string, unknown>>[]): string {
  const names = Object.keys(lines[0] ?? {});
  return [names, ...lines.map((line) => names.map((name) => line[name]))]
    .map((row) => row.map(cellOf).join(","))
    .join("\r\n");
}

function cellOf(value: unknown): string {
  if (typeof value !== "string") return String(value ?? "");
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
