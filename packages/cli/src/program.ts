import { type Group, groups } from "@thulium-stream/metrics";
import { exitCodes } from "@thulium-stream/runtime";
import { Command, InvalidArgumentError, Option } from "commander";
import { checkSettings } from "./commands/check-settings.ts";
import { compactNow, expireNow, snapshotNow, verifyLakeNow } from "./commands/look-after-lake.ts";
import { listLake, type QueryFormat, queryLake } from "./commands/query-lake.ts";
import { type ReportOptions, reportMetrics } from "./commands/report-metrics.ts";
import { type RunOptions, runPipeline } from "./commands/run-pipeline.ts";
import { runExtractor, runLakeWriter, runMetrics, runSandbox } from "./commands/run-service.ts";
import { showEvents } from "./commands/show-events.ts";
import { showStatus } from "./commands/show-status.ts";
import { runVerify } from "./commands/verify-all.ts";
import { withLake, withLog, withLogAndLake } from "./commands/with-adapters.ts";
import { dropLetters, listLetters, showLetter } from "./dead-letters/letter-commands.ts";
import { retryLetters } from "./dead-letters/retry-letters.ts";
import { erase, eraseStatus } from "./erase/erase-commands.ts";
import type { EraseOptions } from "./erase/erase-subject.ts";
import { eventType, instant, kindOfEvent, publishedSince, wholeNumber } from "./option-values.ts";
import { processContext } from "./process-context.ts";
import { type BackfillOptions, backfillRequest } from "./tasks/backfill-range.ts";
import { changeTask, type StartOptions, showTasks, startTask } from "./tasks/task-commands.ts";
import { isTerminal } from "./terminal/console.ts";

/** All commands; `done` takes the exit code of the one that ran. @throws CommanderError for bad usage, told already. */
export function program(signal: AbortSignal, done: (code: number) => void): Command {
  const root = new Command("thulium-stream")
    .description(
      "Change events, a Parquet lake and response-time metrics from a Thulium help desk.",
    )
    .version("0.1.0")
    .exitOverride()
    .showHelpAfterError("(--help tells what there is)");
  addServices(root, signal, done);
  addReaders(root, signal, done);
  addTasks(root, signal, done);
  addOperations(root, signal, done);
  return root;
}

function addServices(root: Command, signal: AbortSignal, done: (code: number) => void): void {
  root
    .command("run")
    .description("everything in one process: extractor, lake writer, metrics, dashboard")
    .option("--once", "backfill what is missing, catch up, write a snapshot and end", false)
    .option("--verify", "with --once: end with a comparison of source, log and lake", false)
    .option("--repair", "with --verify: read again what differs, and compare once more", false)
    .action(async (options: RunOptions) => done(await runPipeline(options, signal)));
  const service = (
    name: string,
    description: string,
    run: (signal: AbortSignal) => Promise<void>,
  ) =>
    root
      .command(name)
      .description(description)
      .action(() => run(signal));
  service("extractor", "the extractor alone", runExtractor);
  service("lake-writer", "the lake writer alone", runLakeWriter);
  service(
    "sandbox",
    "a Thulium API with a living population of tickets, for trying and testing",
    runSandbox,
  );
  const metrics = service("metrics", "metrics, HTTP API and dashboard alone", runMetrics);
  metrics
    .command("report")
    .description("response and close times on the command line")
    .option("--from <day>", "first day, YYYY-MM-DD (default: 30 days ago)")
    .option("--to <day>", "last day, YYYY-MM-DD (default: today)")
    .option(
      "--group-by <groups>",
      "one line per queue, category, source, agent or status, or per two of them: queue,status",
      groupsOption,
      ["queue"],
    )
    .option("--business", "working time instead of calendar time", false)
    .option("--csv", "comma separated", false)
    .option("--json", "JSON", false)
    .action((options: ReportOptions) =>
      withLog((log, context) => reportMetrics(log, context, options, signal)),
    );
}

function addReaders(root: Command, signal: AbortSignal, done: (code: number) => void): void {
  root
    .command("events")
    .description("change events from the log")
    .option("--type <type>", "such as ticket.updated or message.added", eventType)
    .option("--kind <kind>", "such as closed, reopened, responded", kindOfEvent)
    .option("--ticket <id>", "of one ticket")
    .option("--from-beginning", "from the oldest that the log holds (the default)", false)
    .option(
      "--from <time>",
      "from those published since, such as 2h or 2026-11-25T08:00Z",
      publishedSince,
    )
    .option("--follow", "go on with new ones; alone: only new ones", false)
    .option("--limit <n>", "stop after so many", wholeNumber)
    .option("--headers", "CloudEvents headers too", false)
    .option("--json", "one JSON object a line, as also when the output is no terminal", false)
    .action(({ from, json, ...options }) =>
      withLog((log, { settings, clock }) =>
        showEvents(
          log,
          settings.system,
          { ...options, fromMs: from?.(clock.now()), json: json || !isTerminal() },
          signal,
        ),
      ),
    );
  addDeadLetters(root);
  const lake = root.command("lake").description("tables and snapshots");
  lake
    .command("ls")
    .description("tables with files by size, rows, age and log positions; snapshots")
    .option("--json", "JSON", false)
    .action(({ json }: { json: boolean }) =>
      withLake((store, { settings, clock }) =>
        listLake(store, { url: settings.LAKE_URL, json, nowMs: clock.now() }),
      ),
    );
  lake
    .command("query")
    .description(
      "SQL over tickets, messages, ticket_metrics, ticket_events, message_events, and the newest snapshot as tickets_snapshot, messages_snapshot, ticket_metrics_snapshot",
    )
    .argument("<sql>")
    .addOption(
      new Option("--format <format>", "how rows are shown")
        .choices(["table", "csv", "json"])
        .default("table"),
    )
    .option("--as-of <instant>", "as the tables were then, such as 2026-11-24T08:00:00Z", instant)
    .action((sql: string, { format, asOf }: { format: QueryFormat; asOf?: number }) =>
      withLake((store, { settings, clock }) =>
        queryLake(sql, { settings, store, clock, format, asOfMs: asOf, signal }),
      ),
    );
  addLakeCare(lake, signal, done);
}

function addDeadLetters(root: Command): void {
  const dlq = root.command("dlq").description("dead letters: what was set aside, and why");
  dlq
    .command("ls")
    .description("open letters, the oldest first")
    .option("--all", "also those that were retried or dropped", false)
    .option("--json", "one JSON object a line", false)
    .action((options) => withLog((log) => listLetters(log, options)));
  dlq
    .command("show")
    .description("all about one letter, its raw text at the end")
    .argument("<letter>", "its id, or the beginning of it")
    .option("--json", "JSON", false)
    .action((id: string, { json }: { json: boolean }) =>
      withLog((log) => showLetter(log, id, json)),
    );
  dlq
    .command("retry")
    .description("try again: an event by its subscription, a row by reading the source again")
    .argument("<letter...>", "ids, or the beginnings of them")
    .option("--value <file>", "the repaired value, JSON; needed for a broken record")
    .action((ids: string[], { value }: { value?: string }) =>
      withLog((log, context) => retryLetters(log, context, ids, value)),
    );
  dlq
    .command("drop")
    .description("give letters up; they stay on the log until its retention passes them")
    .argument("<letter...>", "ids, or the beginnings of them")
    .action((ids: string[]) => withLog((log, { clock }) => dropLetters(log, clock, ids)));
}

function addLakeCare(lake: Command, signal: AbortSignal, done: (code: number) => void): void {
  lake
    .command("compact")
    .description("lay small files of the event tables together now; beside a running writer, too")
    .action(() => withLake((store, context) => compactNow(store, context, signal)));
  lake
    .command("expire")
    .description("forget old states of the tables, remove orphans and old snapshots now")
    .action(() => withLake((store, context) => expireNow(store, context, signal)));
  lake
    .command("snapshot")
    .description("write the current state into a folder of its own now")
    .action(() => snapshotNow(signal));
  lake
    .command("verify")
    .description("compare tables and snapshots with what is there; exit code 3 when they differ")
    .option(
      "--quick",
      "only what the store lists: no rows are counted, no checksums computed",
      false,
    )
    .option("--json", "JSON", false)
    .action((options: { quick: boolean; json: boolean }) =>
      withLake(async (store, context) =>
        done(await verifyLakeNow(store, context, { ...options, signal })),
      ),
    );
}

function addTasks(root: Command, signal: AbortSignal, done: (code: number) => void): void {
  const backfill = root
    .command("backfill")
    .description("read the tickets created in a range again, by a running extractor or here")
    .option("--from <day>", "first day of creation, YYYY-MM-DD (default: the oldest ticket)")
    .option("--to <day>", "last day of creation, YYYY-MM-DD (default: now)")
    .option("--queue <id>", "only this queue; may be given again", collected, [])
    .option("--estimate", "only tell tickets, requests and time", false)
    .option("--no-wait", "give the command and end")
    .action(async (options: BackfillOptions & StartOptions) =>
      done(await startTask(backfillRequest(options), options, signal)),
    );
  backfill
    .command("status")
    .description("backfills and other tasks, the newest first")
    .option("--json", "JSON", false)
    .action(({ json }: { json: boolean }) => showTasks(json));
  for (const [command, description] of [
    ["pause", "stop at the page that is being read"],
    ["resume", "go on where it was"],
    ["cancel", "give it up; what was read stays"],
  ] as const)
    backfill
      .command(command)
      .description(description)
      .argument("[task]", "its id; not needed when there is only one")
      .action((task: string | undefined) => changeTask(command, task));
  root
    .command("census")
    .description("look for deleted and merged tickets now")
    .option("--believe-deletes", "also when more are gone than the guard lets pass", false)
    .option("--no-wait", "give the command and end")
    .action(async ({ believeDeletes, wait }: { believeDeletes: boolean; wait: boolean }) => {
      const request = { kind: "census", believe_deletes: believeDeletes } as const;
      done(await startTask(request, { wait }, signal));
    });
  root
    .command("reread")
    .description("read recent and open tickets again now")
    .option("--no-wait", "give the command and end")
    .action(async (options: StartOptions) =>
      done(await startTask({ kind: "reread" }, options, signal)),
    );
}

function groupsOption(text: string): readonly Group[] {
  const asked = text.split(",");
  const isKnown = (name: string): name is Group => (groups as readonly string[]).includes(name);
  if (asked.every(isKnown) && asked.length <= 2 && new Set(asked).size === asked.length)
    return asked;
  throw new InvalidArgumentError(
    `must be one or two of ${groups.join(", ")}, with a comma between`,
  );
}

function collected(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function addOperations(root: Command, signal: AbortSignal, done: (code: number) => void): void {
  const erasing = root
    .command("erase")
    .description("remove a customer or a ticket from log, lake and metrics, for good")
    .option("--customer <id>", "every ticket of this customer, now and later")
    .option("--ticket <id>", "this ticket")
    .option("--yes", "do not ask whether it is meant", false)
    .option("--no-wait", "give the command and end")
    .action(async (options: EraseOptions) => done(await erase(options, signal)));
  erasing
    .command("status")
    .description(
      "search every topic and object for what was erased; exit code 3 when something is overdue",
    )
    .option("--json", "JSON", false)
    .action(async ({ json }: { json: boolean }) => done(await eraseStatus(json, signal)));
  root
    .command("status")
    .description("where extraction, log and lake stand")
    .option("--json", "JSON", false)
    .action(({ json }: { json: boolean }) =>
      withLogAndLake((log, store, { settings, clock }) =>
        showStatus(settings.system, log, store, { json, nowMs: clock.now() }),
      ),
    );
  root
    .command("verify")
    .description("compare source, log and newest snapshot by content; exit code 3 when they differ")
    .option("--repair", "read again what differs, and compare once more", false)
    .action(async ({ repair }: { repair: boolean }) => done(await runVerify(repair, signal)));
  root
    .command("check")
    .description("try every setting: credentials, clock, broker, bucket")
    .action(async () => {
      const { settings, clock, logger } = processContext();
      done((await checkSettings(settings, clock, logger)) ? exitCodes.done : exitCodes.badUsage);
    });
}
