import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EventLog } from "@thulium-stream/contracts";
import {
  csvOf,
  flatLine,
  type Group,
  type MetricsEngine,
  reportHeadings,
  reportRange,
  reportRows,
} from "@thulium-stream/metrics";
import { openEngine } from "@thulium-stream/metrics/main";
import { Lifetime, newId } from "@thulium-stream/runtime";
import { isIdleHere } from "../assembly/pipeline.ts";
import type { ProcessContext } from "../process-context.ts";
import { note, print } from "../terminal/console.ts";
import { renderTable } from "../terminal/table.ts";

/** Options of `metrics report`. */
export interface ReportOptions {
  readonly from?: string;
  readonly to?: string;
  readonly groupBy: readonly Group[];
  readonly business: boolean;
  readonly csv: boolean;
  readonly json: boolean;
}

/**
 * Prints response and close times per group, from the figures on the log: it works beside running metrics and disturbs none. Where the log is a folder of this machine on which nothing
 * runs, events that are not folded yet are folded first.
 */
export async function reportMetrics(
  log: EventLog,
  context: ProcessContext,
  options: ReportOptions,
  signal: AbortSignal,
): Promise<void> {
  const { settings, clock, logger } = context;
  const folder = join(tmpdir(), `thulium-report-${newId()}`);
  await using life = new Lifetime(logger);
  life.own("report folder", folder, (path) => rmSync(path, { recursive: true, force: true }));
  const engine = await openEngine({ ...settings, STATE_DIR: folder }, { log, clock, logger }, life);
  const { from, to } = options;
  const range = reportRange({ from, to }, engine);
  let waiting = await engine.takeOver(signal);
  if (waiting > 0 && isIdleHere(context, life)) {
    await engine.catchUp(signal);
    waiting = 0;
  }
  if (waiting > 0)
    note(
      `${waiting} events are not folded yet; the metrics do it when they run (thulium-stream metrics)`,
    );
  printReport(engine, range, options);
}

function printReport(
  engine: MetricsEngine,
  range: ReturnType<typeof reportRange>,
  { groupBy, business, csv, json }: ReportOptions,
): void {
  const { total, groups } = engine.summary(range, groupBy);
  const lines = [
    ...groups.filter(({ created, closed, backlog }) => created + closed + backlog > 0),
    { key: ["all"], ...total },
  ];
  if (json) print(JSON.stringify({ ...range, group_by: groupBy, total, groups }));
  else if (csv) print(csvOf(lines.map(flatLine)));
  else {
    const time = business ? "business" : "calendar";
    const table = renderTable([...reportHeadings], reportRows(lines, time));
    print(`${range.from} – ${range.to}, by ${groupBy.join(" and ")}, ${time} time\n\n${table}`);
  }
}
