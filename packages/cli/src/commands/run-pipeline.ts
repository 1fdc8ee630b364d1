import { Failure, isFailure, type TaskState } from "@thulium-stream/contracts";
import type { ElectedExtractor, Extractor } from "@thulium-stream/extractor";
import { openElectedExtractor, openExtractor } from "@thulium-stream/extractor/main";
import { exitCodes, Lifetime } from "@thulium-stream/runtime";
import { openPipeline, type Pipeline, type StatusTeller } from "../assembly/pipeline.ts";
import { type ProcessContext, processContext } from "../process-context.ts";
import { note, print } from "../terminal/console.ts";
import { grouped, spanText } from "../terminal/progress.ts";
import { type TaskProgress, taskProgress } from "../terminal/task-progress.ts";
import { tellVerification, verify } from "./verify-all.ts";

/** Options of `run`. */
export interface RunOptions {
  readonly once: boolean;
  readonly verify: boolean;
  readonly repair: boolean;
}

/** `run`: everything in one process, until interrupted or, with `once`, until caught up. Returns the exit code. */
export async function runPipeline(
  { once, verify: verifies, repair }: RunOptions,
  signal: AbortSignal,
): Promise<number> {
  if (!once && (verifies || repair))
    throw new Failure(
      "InvalidSettings",
      "--verify and --repair need --once: beside a running pipeline use the command verify",
    );
  if (repair && !verifies) throw new Failure("InvalidSettings", "--repair needs --verify");
  const context = processContext();
  const { settings, clock, logger, interactive } = context;
  await using life = new Lifetime(logger);
  const startedMs = clock.now();
  const display = taskProgress(interactive, () => clock.now());
  const onProgress = (task: TaskState) => display.show(task);
  const options = { clock, logger, standStill: once, onProgress };
  if (once) {
    const pipeline = await openPipeline(settings, { ...options, openExtractor }, life);
    announce(context, pipeline);
    await catchUp(pipeline, display, startedMs, context, signal);
    return verifies ? await verifyOnce(pipeline, context, repair, signal) : exitCodes.done;
  }
  const elected = { ...options, openExtractor: openElectedExtractor };
  const pipeline = await openPipeline(settings, elected, life);
  announce(context, pipeline);
  note("  Ctrl-C ends it; everything goes on where it was at the next start.\n");
  await runAll(pipeline, signal);
  display.end();
  return exitCodes.done;
}

function announce(
  { settings }: ProcessContext,
  { sourceUrl, metrics: { httpUrl } }: Pipeline<StatusTeller>,
): void {
  const source =
    settings.source.kind === "sandbox" ? `built-in sandbox at ${sourceUrl}` : sourceUrl;
  note(`
  thulium-stream · system ${settings.system}

  source      ${source}
  event log   ${settings.EVENT_LOG_URL}
  lake        ${settings.LAKE_URL}
  state       ${settings.STATE_DIR}
  dashboard   ${httpUrl}
`);
}

/** Runs the three services together; the first that fails ends the others. */
async function runAll(
  { extractor, lakeWriter, metrics }: Pipeline<ElectedExtractor>,
  signal: AbortSignal,
): Promise<void> {
  const failed = new AbortController();
  const both = AbortSignal.any([signal, failed.signal]);
  const running = [extractor, lakeWriter, metrics].map((service) =>
    service.run(both).catch((error: unknown) => {
      failed.abort();
      throw error;
    }),
  );
  const ends = await Promise.allSettled(running);
  const reasons = ends.flatMap((end) => (end.status === "rejected" ? [end.reason as unknown] : []));
  const first = reasons.find((reason) => !isFailure(reason, "Cancelled"));
  if (first !== undefined) throw first;
}

async function catchUp(
  { extractor, lakeWriter, metrics, log }: Pipeline<Extractor>,
  display: TaskProgress,
  startedMs: number,
  { clock }: ProcessContext,
  signal: AbortSignal,
): Promise<void> {
  const extracted = await extractor.catchUp(signal);
  display.end();
  note("  Writing the lake and the snapshot …");
  await metrics.engine.catchUp(signal);
  const lake = await lakeWriter.flushUntil(signal);
  await lakeWriter.erase(signal);
  const snapshot = await lakeWriter.writeSnapshot(signal);
  const messages = (await log.ends("messages")).reduce((sum, { end }) => sum + end, 0);
  const seconds = (clock.now() - startedMs) / 1000;
  const rows: readonly (readonly [string, string])[] = [
    ["tickets", grouped(extracted.tickets)],
    ["messages", grouped(snapshot.messages ?? messages)],
    [
      "events",
      `${grouped(extracted.ticketEvents + extracted.messageEvents)} new (${grouped(extracted.ticketEvents)} of tickets, ${grouped(extracted.messageEvents)} of messages)`,
    ],
    ["deleted", grouped(extracted.deleted)],
    ["files", `${grouped(lake.files)} in the tables, ${grouped(snapshot.files)} in the snapshot`],
    ["rows", `${grouped(lake.rows)} in the tables, ${grouped(snapshot.rows)} in the snapshot`],
    ["requests", grouped(extracted.requests)],
    ["dead letters", grouped(extracted.deadLetters)],
    ["seconds", seconds.toFixed(1)],
  ];
  print(`\ncaught up in ${spanText(seconds)}\n`);
  for (const [name, value] of rows) print(`  ${name.padEnd(13)} ${value}`);
  const { census } = extractor.status();
  if (census?.refused) print(`\n  Deletes were not believed: ${census.refused}.`);
  if (extracted.holes > 0)
    print(`\n  ${extracted.holes} holes could not be read: see the topic dead-letters.`);
}

/** One command that proves the lake equal to the source, or says where it is not. */
async function verifyOnce(
  pipeline: Pipeline<Extractor>,
  { settings, clock, logger }: ProcessContext,
  repair: boolean,
  signal: AbortSignal,
): Promise<number> {
  const { source, log, store, extractor, lakeWriter } = pipeline;
  const deps = { settings, source, log, store, clock, logger };
  const standsStill = settings.source.kind === "sandbox";
  const found = await verify(deps, { standsStill }, signal);
  const code = tellVerification(found);
  if (found.differences.length === 0 || !repair) return code;
  note("  Reading again what differs …");
  await extractor.repair(
    found.differences.map(({ created }) => created),
    signal,
  );
  await lakeWriter.flushUntil(signal);
  await lakeWriter.writeSnapshot(signal);
  return tellVerification(await verify(deps, { standsStill }, signal));
}
