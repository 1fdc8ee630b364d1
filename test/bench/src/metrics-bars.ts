import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { recordOfEvent, silentLogger } from "@thulium-stream/contracts";
import { MetricsEngine } from "@thulium-stream/metrics";
import { newId, systemClock } from "@thulium-stream/runtime";
import { benchRules, fillFigures, openBenchLog } from "./figures-log.ts";
import { eventsOfTicket, newestMs, yearMs } from "./metrics-desk.ts";

const common = { clock: systemClock, logger: silentLogger, newId };
const never = new AbortController().signal;
const self = fileURLToPath(import.meta.url);
/** Tickets of one append: about what a page brings. */
const pageOf = 100;
const million = 1_000_000;

/** Events folded a second: read from the embedded log, folded, figures made, published to `ticket-metrics` and stored. `BENCH_EVENTS`, default 400,000; three runs, each in a process of its own. */
export async function metricsFold(): Promise<string> {
  const events = Number(process.env["BENCH_EVENTS"] ?? 400_000);
  const folder = mkdtempSync(join(tmpdir(), "metrics-fold-"));
  try {
    runPart("fill-events", folder, String(events));
    const runs = [1, 2, 3].map(() => runPart("fold", folder));
    const rates = sorted(runs.map(({ events: count, wallS }) => count / wallS));
    const perCore = sorted(runs.map(({ events: count, cpuS }) => count / cpuS));
    return [
      "| events | a second, by the clock: median (least – most) | a second of processor time | peak RSS |",
      "| --- | --- | --- | --- |",
      `| ${whole(runs[0]?.events)} | ${whole(rates[1])} (${whole(rates[0])} – ${whole(rates[2])}) | ${whole(perCore[1])} | ${whole(Math.max(...runs.map(({ rssMiB }) => rssMiB)))} MiB |`,
    ].join("\n");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A million tickets taken over from `ticket-metrics` into an empty store, then summaries over a year of them. `BENCH_TICKETS`, default 1,000,000; filling the log comes first and takes minutes. */
export async function metricsRebuild(): Promise<string> {
  const tickets = Number(process.env["BENCH_TICKETS"] ?? million);
  const folder = mkdtempSync(join(tmpdir(), "metrics-rebuild-"));
  try {
    runPart("fill-figures", folder, String(tickets));
    const {
      rebuildS = 0,
      rssMiB,
      anonymousMiB = 0,
      storeMiB = 0,
      ...answers
    } = runPart("rebuild", folder);
    const { restartS } = runPart("restart", folder);
    const line = (name: string, ms: readonly number[] = []) =>
      `| ${name} | ${percentile(ms, 0.5)} ms | ${percentile(ms, 0.99)} ms | ${percentile(ms, 1)} ms |`;
    return [
      "| tickets | rebuilt from `ticket-metrics` | opened again | peak RSS | of it without mapped pages | store on disk |",
      "| --- | --- | --- | --- | --- | --- |",
      `| ${whole(tickets)} | ${rebuildS.toFixed(1)} s | ${restartS?.toFixed(1)} s | ${whole(rssMiB)} MiB | ${whole(anonymousMiB)} MiB | ${whole(storeMiB)} MiB |`,
      "",
      "| over a year of them, 300 times | median | p99 | most |",
      "| --- | --- | --- | --- |",
      line("`summary`", answers.summaryMs),
      line("`summary` by queue and agent", answers.groupedMs),
      line("`summary` of one queue", answers.filteredMs),
      line("`timeseries` by day", answers.seriesMs),
    ].join("\n");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a part prints. */
interface PartResult {
  readonly events: number;
  readonly wallS: number;
  readonly cpuS: number;
  readonly rssMiB: number;
  readonly anonymousMiB?: number;
  readonly storeMiB?: number;
  readonly rebuildS?: number;
  readonly restartS?: number;
  readonly summaryMs?: readonly number[];
  readonly groupedMs?: readonly number[];
  readonly filteredMs?: readonly number[];
  readonly seriesMs?: readonly number[];
}

/** Runs a part in a process of its own, so that its memory is its own. */
function runPart(part: string, folder: string, argument = ""): PartResult {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [self, "--part", part, folder, argument],
    { encoding: "utf8", maxBuffer: 1 << 26 },
  );
  if (status !== 0) throw new Error(`${part} failed:\n${stderr}`);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as PartResult;
}

const parts: Readonly<Record<string, (folder: string, argument: string) => Promise<object>>> = {
  "fill-events": fillEvents,
  fold,
  "fill-figures": async (folder, argument) => {
    await fillFigures(folder, Number(argument));
    return {};
  },
  rebuild,
  restart,
};

async function fillEvents(folder: string, argument: string): Promise<object> {
  const tickets = Math.ceil(Number(argument) / 6.95);
  const log = await openBenchLog(folder);
  const writer = await log.openWriter("bench");
  for (let from = 0; from < tickets; from += pageOf) {
    const page = Array.from({ length: Math.min(pageOf, tickets - from) }, (_, at) =>
      eventsOfTicket(from + at, tickets, yearMs),
    );
    await writer.append(page.flat().map((event) => recordOfEvent(event, from)));
  }
  await log.close();
  return {};
}

async function fold(folder: string): Promise<object> {
  // Each run folds from the beginning, into a log without figures.
  const copy = mkdtempSync(join(folder, "fold-"));
  cpSync(join(folder, "log"), join(copy, "log"), { recursive: true });
  const log = await openBenchLog(copy);
  const engine = await MetricsEngine.open(
    { log, folder: join(copy, "store"), ...common },
    benchRules,
  );
  const [startedMs, started] = [systemClock.now(), process.cpuUsage()];
  await engine.catchUp(never);
  const wallS = (systemClock.now() - startedMs) / 1000;
  const { user, system } = process.cpuUsage(started);
  const { events } = engine.freshness();
  await engine.close();
  await log.close();
  rmSync(copy, { recursive: true });
  return { events, wallS, cpuS: (user + system) / 1e6 };
}

async function rebuild(folder: string): Promise<object> {
  let anonymousKiB = 0;
  const watch = setInterval(() => {
    anonymousKiB = Math.max(anonymousKiB, anonymous());
  }, 100);
  const log = await openBenchLog(folder);
  const startedMs = systemClock.now();
  const engine = await MetricsEngine.open(
    { log, folder: join(folder, "store"), ...common },
    benchRules,
  );
  await engine.catchUp(never);
  const rebuildS = (systemClock.now() - startedMs) / 1000;
  const { tickets, events } = engine.freshness();
  clearInterval(watch);
  // What a reader of the figures asks, after the rebuild's own peak was taken.
  const rssMiB = process.resourceUsage().maxRSS / 1024;
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const year = { from: day(newestMs - yearMs), to: day(newestMs) };
  const where = { queue: "Kolejka 7" };
  const result = {
    events,
    tickets,
    rebuildS,
    rssMiB,
    anonymousMiB: anonymousKiB / 1024,
    storeMiB: sizeOf(join(folder, "store")) / 2 ** 20,
    summaryMs: timesOf(() => engine.summary(year, [])),
    groupedMs: timesOf(() => engine.summary(year, ["queue", "agent"])),
    filteredMs: timesOf(() => engine.summary({ ...year, where }, [])),
    seriesMs: timesOf(() => engine.timeseries(year, "day")),
  };
  await engine.close();
  await log.close();
  return result;
}

async function restart(folder: string): Promise<object> {
  const log = await openBenchLog(folder);
  const startedMs = systemClock.now();
  const engine = await MetricsEngine.open(
    { log, folder: join(folder, "store"), ...common },
    benchRules,
  );
  await engine.catchUp(never);
  const restartS = (systemClock.now() - startedMs) / 1000;
  await engine.close();
  await log.close();
  return { restartS };
}

function timesOf(ask: () => unknown): readonly number[] {
  return Array.from({ length: 300 }, () => {
    const startedMs = performance.now();
    ask();
    return performance.now() - startedMs;
  });
}

/** Memory of this process that is no mapped file, in KiB (Linux). */
function anonymous(): number {
  return Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0);
}

function sizeOf(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

function sorted(values: readonly number[]): readonly number[] {
  return [...values].sort((a, b) => a - b);
}

function percentile(values: readonly number[], share: number): string {
  const inOrder = sorted(values);
  return (inOrder[Math.ceil(share * inOrder.length) - 1] ?? Number.NaN).toFixed(1);
}

function whole(value = Number.NaN): string {
  return Math.round(value).toLocaleString("en");
}

const [flag, part = "", folder = "", argument = ""] = process.argv.slice(2);
if (flag === "--part") {
  const result = await parts[part]?.(folder, argument);
  console.log(JSON.stringify({ rssMiB: process.resourceUsage().maxRSS / 1024, ...result }));
  process.exit(0);
}
