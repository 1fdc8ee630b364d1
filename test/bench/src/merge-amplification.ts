import { type MergeSummary, mergeTable, stateTables } from "@thulium-stream/lake-writer";
import { systemClock } from "@thulium-stream/runtime";
import { deskAges, deskMonths, withLakeDesk } from "./lake-desk.ts";

const tickets = 1_000_000;
/** Office hours of the day that is measured, and changes in each of their seconds. */
const hours = 8;
const changesADay = hours * 3_600;

/** Days, and which of their merges are whole. */
const days = ["first day", "second day", "every merge whole", "only the whole one"] as const;

/**
 * Bytes that merges write for a day's changes of a live desk, against the bytes of the changed rows: `npm run bench -- merge-amplification`. 1 million tickets over 24 months, one change a second in
 * office hours, merged every hour and wholly at the end of the day, as the settings' defaults do; whose tickets change is drawn by age, as {@link deskAges} tells. The first day begins with the layout
 * of a first load; two more days show what other choices would cost.
 */
export function mergeAmplification(): Promise<string> {
  return withLakeDesk(tickets, async ({ deps, fill, change, files }) => {
    const [spec] = stateTables;
    const { signal } = new AbortController();
    const merge = (whole: boolean) => mergeTable(deps, spec, { whole, signal });
    await fill();
    const filledMs = systemClock.now();
    const first = await merge(true);
    const fillS = (systemClock.now() - filledMs) / 1000;
    const bytesPerRow = first.bytesWritten / tickets;
    const lines: string[] = [];
    for (const day of days) {
      const [between, atEnd]: [MergeSummary[], MergeSummary[]] = [[], []];
      const startedMs = systemClock.now();
      for (let at = 0; at < hours; at += 1) {
        await change(changesADay / hours);
        if (day !== "only the whole one") between.push(await merge(day === "every merge whole"));
      }
      if (day !== "every merge whole") atEnd.push(await merge(true));
      const mergeS = (systemClock.now() - startedMs) / 1000;
      lines.push(dayLine(day, { between, atEnd, mergeS, bytesPerRow }));
    }
    const live = await files();
    return [
      `${tickets.toLocaleString("en")} tickets over ${deskMonths} months: ${first.filesWritten} files, ${mb(first.bytesWritten)} (${Math.round(bytesPerRow)} bytes a row), first merge ${Math.round(fillS)} s`,
      `a day's changes: ${changesADay.toLocaleString("en")}`,
      ...lines,
      `files by month at the end: ${layoutOf(live)}`,
      `age of the changed tickets: ${deskAges.map(([share, from, to]) => `${(share * 100).toFixed(1)} % ${from}–${Math.round(to)} days`).join(", ")}`,
    ].join("\n");
  });
}

function dayLine(
  how: string,
  {
    between,
    atEnd,
    mergeS,
    bytesPerRow,
  }: {
    readonly between: readonly MergeSummary[];
    readonly atEnd: readonly MergeSummary[];
    readonly mergeS: number;
    readonly bytesPerRow: number;
  },
): string {
  const sum = (of: "filesWritten" | "bytesWritten", merges: readonly MergeSummary[]) =>
    merges.reduce((total, merge) => total + merge[of], 0);
  const all = [...between, ...atEnd];
  const ratio = (merges: readonly MergeSummary[]) =>
    (sum("bytesWritten", merges) / (changesADay * bytesPerRow)).toFixed(1);
  const parts = `${ratio(between)} by the hourly merges, ${ratio(atEnd)} by the whole one`;
  return `${how}: ${sum("filesWritten", all)} files and ${mb(sum("bytesWritten", all))} written by ${all.length} merges in ${mergeS.toFixed(0)} s; bytes rewritten ÷ bytes of changed rows: ${ratio(all)} (bar: 40; ${parts})`;
}

/** Files per month, the newest month's last: the layout that the merges leave. */
function layoutOf(files: readonly { readonly partition: string | null }[]): string {
  const months = new Map<string, number>();
  for (const { partition } of files)
    months.set(partition ?? "", (months.get(partition ?? "") ?? 0) + 1);
  return [...months]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, count]) => count)
    .join(" ");
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
