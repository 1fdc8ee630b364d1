import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EventLog } from "@thulium-stream/contracts";
import { csvOf, flatLine, type Group, reportHeadings, reportRows } from "@thulium-stream/metrics";
import { openEngine } from "@thulium-stream/metrics/main";
import { Lifetime, newId } from "@thulium-stream/runtime";
import type { ProcessContext } from "../process-context.ts";
import { print } from "../terminal/console.ts";
import { renderTable } from "../terminal/table.ts";

/** Options of `metrics report`. */
export interface ReportOptions {
  readonly from?: string;
  readonly to?: string;
  readonly groupBy: Group;
  readonly csv: boolean;
  readonly json: boolean;
}

/** Prints response and close times per group: folded from the log here and now, so that it works beside a running pipeline. */
export async function reportMetrics(
  log: EventLog,
  { settings, clock, logger }: ProcessContext,
  options: ReportOptions,
  signal: AbortSignal,
): Promise<void> {
  const folder = join(tmpdir(), `thulium-report-${newId()}`);
  await using life = new Lifetime(logger);
  life.own("report folder", folder, (path) => rmSync(path, { recursive: true, force: true }));
  const engine = await openEngine({ ...settings, STATE_DIR: folder }, { log, clock, logger }, life);
  await engine.catchUp(signal);
  const query = { from: options.from ?? engine.day(-29), to: options.to ?? engine.day(0) };
  const { total, groups } = engine.summary(query, [options.groupBy]);
  const lines = [
    ...groups.filter(({ created, closed, backlog }) => created + closed + backlog > 0),
    { key: ["all"], ...total },
  ];
  if (options.json) print(JSON.stringify({ ...query, group_by: options.groupBy, total, groups }));
  else if (options.csv) print(csvOf(lines.map(flatLine)));
  else
    print(
      `${query.from} – ${query.to}, by ${options.groupBy}\n\n${renderTable([...reportHeadings], reportRows(lines))}`,
    );
}
