import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type ErasureRecords,
  type ErasureState,
  type EventLog,
  erasureClosedRecord,
  Failure,
  type Instant,
  instantOf,
  isHeard,
  type ObjectStore,
} from "@thulium-stream/contracts";
import { readExtractorState } from "@thulium-stream/extractor";
import { openFileCache } from "@thulium-stream/lake";
import { searchLake } from "@thulium-stream/lake-writer";
import {
  ErasureFollower,
  exitCodes,
  Lifetime,
  newId,
  type Settings,
  sendCommand,
} from "@thulium-stream/runtime";
import { openLog } from "../assembly/open-log.ts";
import { isIdleHere } from "../assembly/pipeline.ts";
import { withLogAndLake } from "../commands/with-adapters.ts";
import { type ProcessContext, processContext } from "../process-context.ts";
import { ask, canAsk } from "../terminal/ask.ts";
import { note, print } from "../terminal/console.ts";
import { grouped } from "../terminal/progress.ts";
import { renderTable } from "../terminal/table.ts";
import { eraseCopies, openIdleExtractor } from "./erase-here.ts";
import { type EraseOptions, type Subject, subjectOf } from "./erase-subject.ts";
import { closingOf, overdue, type ReportLine, reportOf } from "./erasure-report.ts";
import { searchTopics } from "./search-topics.ts";

const lookMs = 500;
/** After so long the operator is told what an erasure waits for. */
const patienceMs = 10_000;

/**
 * `erase`: asks for it through the topic `commands`, by a keyed hash of the id alone, follows it until every service that runs has done its part, and prints the report.
 * On an embedded log that nobody works on, it does all of it here. Returns the exit code.
 */
export async function erase(options: EraseOptions, signal: AbortSignal): Promise<number> {
  const subject = subjectOf(options);
  const context = processContext({ source: false });
  const { settings, clock, logger } = context;
  if (!(await isMeant(subject, settings.system, options.yes, signal))) {
    note("Nothing was erased.");
    return exitCodes.badUsage;
  }
  await using life = new Lifetime(logger);
  const log = await openLog(settings, clock, logger, life);
  const extractor = isIdleHere(context, life) ? await openIdleExtractor(context, log, life) : null;
  const { erasures } = await readExtractorState(log, settings.system);
  if (erasures.key === null)
    throw new Failure("InvalidSettings", `nothing was ever extracted of ${settings.system} yet`, {
      advice: "Start an extractor of this version once: it makes the key of erased ids.",
    });
  const hash = erasures.list.hashOf(subject.subject, subject.id);
  const before = [...erasures.states.values()].find((known) => known.subject_hash === hash);
  await sendCommand(log, {
    command: "erase",
    system: settings.system,
    erasure_id: `erasure-${newId().slice(-6)}`,
    subject: subject.subject,
    subject_hash: hash,
    requested_at: instantOf(clock.now()),
  });
  note(`told to erase ${subject.subject} ${subject.id}`);
  if (!options.wait) return exitCodes.done;
  if (extractor !== null) {
    await extractor.erase(signal);
    await eraseCopies(context, log, life, signal);
  }
  const { erasure, records } = await watch(
    context,
    log,
    { hash, revision: (before?.revision ?? 0) + 1 },
    signal,
  );
  print(`\n${erasure.erasure_id}: ${subject.subject} ${subject.id}`);
  printReport(reportOf(inputOf(erasure, records, settings)));
  note("\n`erase status` searches every topic and object again, and closes what is gone.");
  return exitCodes.done;
}

async function isMeant(
  { subject, id }: Subject,
  system: string,
  yes: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  if (yes) return true;
  if (!canAsk())
    throw new Failure(
      "InvalidSettings",
      "nobody can be asked whether this is meant: say --yes, since an erasure cannot be taken back",
    );
  note(
    `This removes ${subject} ${id} of ${system} from log, lake and metrics for good, and keeps ${subject === "customer" ? "their tickets" : "it"} out from now on.`,
  );
  return (await ask("Type the id again to go on: ", signal)) === id;
}

/** Follows the erasure of a hash, from a revision on, until all parts are done. @throws Failure `Cancelled` when `signal` fires. */
async function watch(
  { settings, clock }: ProcessContext,
  log: EventLog,
  { hash, revision }: { readonly hash: string; readonly revision: number },
  signal: AbortSignal,
): Promise<{ readonly erasure: ErasureState; readonly records: ErasureRecords }> {
  const follower = new ErasureFollower(log, settings.system);
  const startedMs = clock.now();
  let hasTold = false;
  for (;;) {
    await follower.refresh(signal);
    const { records } = follower;
    const erasure = [...records.states.values()].find(
      (known) => known.subject_hash === hash && known.revision >= revision,
    );
    const waitsFor = erasure === undefined ? "an extractor" : partLeft(records, erasure);
    if (erasure !== undefined && waitsFor === null) return { erasure, records };
    if (!hasTold && clock.now() - startedMs > patienceMs) {
      const { heartbeat } = await readExtractorState(log, settings.system);
      const isAlone = heartbeat === null || !isHeard(heartbeat, clock.now());
      note(
        `waiting for ${waitsFor}${isAlone ? "; no extractor runs" : ""} (Ctrl-C leaves it so: it goes on when one does)`,
      );
      hasTold = true;
    }
    await clock.sleep(lookMs, signal);
  }
}

function partLeft(records: ErasureRecords, erasure: ErasureState): string | null {
  if (erasure.state === "running") return "the extractor";
  if (records.doneBy("lake", erasure) === null) return "a lake writer";
  return records.doneBy("metrics", erasure) === null ? "the metrics" : null;
}

/** `erase status`: searches every topic and object for what was erased, closes what is gone, and tells what is pending until when. Exit code 3 when something is overdue. */
export async function eraseStatus(json: boolean, signal: AbortSignal): Promise<number> {
  let code: number = exitCodes.done;
  await withLogAndLake(async (log, store, context) => {
    const { settings, clock } = context;
    const { erasures: records } = await readExtractorState(log, settings.system);
    const { list } = records;
    if (list.erasures.length === 0) {
      print(json ? "[]" : `nothing was ever erased of ${settings.system}`);
      return;
    }
    note("Searching every topic and object …");
    const inTopics = await searchTopics(log, list, signal);
    const inLake = await searchStore(context, store, records, signal);
    const told: object[] = [];
    for (const erasure of list.erasures) {
      const { erasure_id: id } = erasure;
      const found = {
        topics: inTopics.found.get(id) ?? new Map(),
        objects: inLake.found.get(id) ?? [],
      };
      const lines = reportOf({ ...inputOf(erasure, records, settings), found });
      const late = overdue(lines, clock.now());
      if (late.length > 0) code = exitCodes.differences;
      const closedAt = await close(log, erasure, records, lines, {
        records: inTopics.records,
        objects: inLake.objects,
        nowMs: clock.now(),
      });
      const { subject, requested_at } = erasure;
      told.push({ erasure_id: id, subject, requested_at, closed_at: closedAt, lines });
      if (!json) printErasure(erasure, lines, late, closedAt);
    }
    if (json) print(JSON.stringify(told));
    else
      note(
        `\nsearched ${grouped(inTopics.records)} records and ${grouped(inLake.objects)} objects for what was erased`,
      );
  });
  return code;
}

async function searchStore(
  { settings, clock }: ProcessContext,
  store: ObjectStore,
  { list }: ErasureRecords,
  signal: AbortSignal,
) {
  // A cache of its own: nothing of what is found may stay behind.
  const folder = join(settings.STATE_DIR, "erase-search");
  const cache = openFileCache({ url: settings.LAKE_URL, store, folder, clock, newId });
  try {
    return await searchLake({ store, cache }, list, signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function close(
  log: EventLog,
  erasure: ErasureState,
  records: ErasureRecords,
  lines: readonly ReportLine[],
  searched: { readonly records: number; readonly objects: number; readonly nowMs: number },
): Promise<Instant | null> {
  const closing = closingOf(erasure, lines, searched);
  if (closing === null) return null;
  const known = records.closingOf(erasure);
  if (known !== null) return known.closed_at;
  const writer = await log.openWriter(`erasure-closed.${newId()}`);
  try {
    await writer.append([erasureClosedRecord(closing)]);
  } finally {
    await writer.close();
  }
  return closing.closed_at;
}

function inputOf(erasure: ErasureState, records: ErasureRecords, settings: Settings) {
  return {
    erasure,
    lake: records.doneBy("lake", erasure),
    metrics: records.doneBy("metrics", erasure),
    isEmbedded: settings.EVENT_LOG_URL.startsWith("embedded:"),
    found: null,
  };
}

function printErasure(
  { erasure_id: id, subject, requested_at: at }: ErasureState,
  lines: readonly ReportLine[],
  late: readonly ReportLine[],
  closedAt: Instant | null,
): void {
  print(
    `\n${id}: a ${subject}, asked for ${minuteOf(at)}, ${closedAt === null ? "not closed yet" : `closed ${minuteOf(closedAt)}`}`,
  );
  printReport(lines);
  for (const { what } of late) print(`  overdue: ${what}`);
}

function printReport(lines: readonly ReportLine[]): void {
  print(
    renderTable(
      ["what", "state", "when", "detail"],
      lines.map(({ what, state, at, detail }) => [what, state, whenOf(state, at), detail]),
    ),
  );
}

function whenOf(state: ReportLine["state"], at: Instant | null): string {
  if (at === null) return "when it runs";
  return state === "done" ? minuteOf(at) : `until ${minuteOf(at)}`;
}

function minuteOf(at: Instant): string {
  return `${at.slice(0, 16).replace("T", " ")} UTC`;
}
