import type {
  Clock,
  EventLog,
  Logger,
  ObjectStore,
  TaskRequest,
  TicketSource,
} from "@thulium-stream/contracts";
import { readExtractorState, sourceContents } from "@thulium-stream/extractor";
import { exitCodes, Lifetime, random, type Settings } from "@thulium-stream/runtime";
import { openLakeStore } from "../assembly/open-lake.ts";
import { openLog } from "../assembly/open-log.ts";
import { openSource } from "../assembly/open-source.ts";
import { holdStateFolder } from "../assembly/pipeline.ts";
import { processContext } from "../process-context.ts";
import { startTask } from "../tasks/task-commands.ts";
import { note, print } from "../terminal/console.ts";
import { grouped } from "../terminal/progress.ts";
import { compareContents, type Difference } from "../verify/compare-contents.ts";
import { lakeContents, logContents } from "../verify/held-contents.ts";

/** What {@link verify} compares. */
export interface VerifyDeps {
  readonly settings: Settings;
  readonly source: TicketSource;
  readonly log: EventLog;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a comparison came to. */
export interface Verification {
  readonly sourceTickets: number;
  readonly logTickets: number;
  /** null when there is no snapshot yet. */
  readonly lakeTickets: number | null;
  readonly differences: readonly Difference[];
  /** Windows of the source that could not be read. */
  readonly unread: number;
  readonly requests: number;
}

/** Pause before what differs is looked at again, beside the interval of live sweeps: a living source changes while it is compared. */
const secondLookMs = 5_000;
const mostShown = 20;

/**
 * Compares source, log and newest snapshot, ticket by ticket, by digests of head, messages and ratings. While the source lives, only what differs twice in the same way, apart in
 * time, counts; a ticket whose content is newer than the snapshot is not compared with it.
 */
export async function verify(
  deps: VerifyDeps,
  { standsStill }: { readonly standsStill: boolean },
  signal: AbortSignal,
): Promise<Verification> {
  const first = await compareOnce(deps, signal);
  if (standsStill || first.differences.length === 0) return first;
  note(
    `${first.differences.length} tickets differ; looking again, since they may just have changed`,
  );
  await deps.clock.sleep(deps.settings.POLL_INTERVAL + secondLookMs, signal);
  const second = await compareOnce(deps, signal);
  const before = new Set(first.differences.map(keyOf));
  return {
    ...second,
    differences: second.differences.filter((difference) => before.has(keyOf(difference))),
  };
}

function keyOf({ ticketId, where, what }: Difference): string {
  return `${ticketId} ${where} ${what}`;
}

async function compareOnce(deps: VerifyDeps, signal: AbortSignal): Promise<Verification> {
  const { settings, log, store, clock } = deps;
  const { list } = (await readExtractorState(log, settings.system)).erasures;
  const { contents, unread, requests } = await sourceContents(
    {
      ...deps,
      random,
      requestsPerSecond: settings.REQUESTS_PER_SECOND,
      pageSize: settings.PAGE_SIZE,
      isErased: ({ ticket_id: ticketId, customer_id: customerId }) =>
        list.erasureOf({ ticketId, customerId }) !== null,
    },
    signal,
  );
  const held = await logContents(log, settings.system);
  const lake = await lakeContents(settings, store, clock);
  const isInSnapshot = (id: string) => (held.observedMs.get(id) ?? 0) <= (lake?.atMs ?? 0);
  return {
    sourceTickets: contents.size,
    logTickets: held.contents.size,
    lakeTickets: lake?.contents.size ?? null,
    differences: [
      ...compareContents(contents, held.contents, "log"),
      ...(lake === null ? [] : compareContents(contents, lake.contents, "lake", isInSnapshot)),
    ],
    unread,
    requests,
  };
}

/** Prints a verification and returns the exit code: 3 when something differs or could not be read. */
export function tellVerification(found: Verification): number {
  const { sourceTickets, logTickets, lakeTickets, differences, unread, requests } = found;
  const lake = lakeTickets === null ? "no snapshot yet" : `lake ${grouped(lakeTickets)}`;
  print(
    `\nverified: source ${grouped(sourceTickets)}, log ${grouped(logTickets)}, ${lake} tickets by content; ${differences.length} differ (${requests} requests)`,
  );
  for (const { ticketId, where, what } of differences.slice(0, mostShown))
    print(`  ticket ${ticketId}: ${what} in the ${where}`);
  if (differences.length > mostShown) print(`  … and ${differences.length - mostShown} more`);
  if (unread > 0) print(`  could not be read and were not compared: ${unread} parts of the source`);
  return differences.length + unread > 0 ? exitCodes.differences : exitCodes.done;
}

/** `verify`: beside a running pipeline, or without one. With `repair`, what differs is read again by the extractor and compared once more. */
export async function runVerify(repair: boolean, signal: AbortSignal): Promise<number> {
  const found = await verifyBeside(signal);
  const code = tellVerification(found);
  if (!repair || found.differences.length === 0) return code;
  const minutes = found.differences.map(({ created }) => created).filter((text) => text !== "");
  const request: TaskRequest = { kind: "repair", created_minutes: [...new Set(minutes)] };
  await startTask(request, { wait: true }, signal);
  const left = await verifyBeside(signal);
  const leftCode = tellVerification(left);
  if (left.differences.some(({ where }) => where === "lake"))
    note("  The snapshot stays as it is; the next one is written from the log.");
  return leftCode;
}

async function verifyBeside(signal: AbortSignal): Promise<Verification> {
  const { settings, clock, logger } = processContext();
  await using life = new Lifetime(logger);
  // The built-in sandbox is a part of the pipeline that keeps it; a second one would be another source.
  if (settings.source.kind === "sandbox") holdStateFolder(settings, life);
  const { source } = await openSource(settings, { clock, logger, standStill: false }, life);
  const log = await openLog(settings, clock, logger, life);
  const store = await openLakeStore(settings, clock, logger, life);
  const deps = { settings, source, log, store, clock, logger };
  return await verify(deps, { standsStill: false }, signal);
}
