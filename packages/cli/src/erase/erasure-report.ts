import {
  type ErasureClosed,
  type ErasurePartDone,
  type ErasureState,
  epochMsOf,
  type Instant,
  instantOf,
  type TopicName,
  tombstoneRetentionMs,
  topics,
} from "@thulium-stream/contracts";
import type { FoundInTopic } from "./search-topics.ts";

/** One line of a report. */
export interface ReportLine {
  readonly what: string;
  readonly state: "done" | "pending";
  /** When it was done, or until when it is pending at the latest; null while that depends on a service that has to run. */
  readonly at: Instant | null;
  readonly detail: string;
}

/** What a report is made of. */
export interface ReportInput {
  readonly erasure: ErasureState;
  readonly lake: ErasurePartDone | null;
  readonly metrics: ErasurePartDone | null;
  /** Embedded logs let go of what is superseded at once. */
  readonly isEmbedded: boolean;
  /** What a search has found; null when none was made. */
  readonly found: SearchFound | null;
}

/** What a search has found of one erasure. */
export interface SearchFound {
  readonly topics: ReadonlyMap<TopicName, FoundInTopic>;
  /** Keys of objects. */
  readonly objects: readonly string[];
}

const dayMs = 86_400_000;
/** A segment of a topic kept by time is written to for so long (its `segment.ms`), and a broker looks every few minutes. */
const segmentMs = dayMs + 3_600_000;
/** `max.compaction.lag.ms`, and the cleaner's own pace. */
const compactionMs = dayMs + 3_600_000;

const compacted = ["tickets", "messages", "ticket-metrics"] as const;
const events = ["ticket-events", "message-events"] as const;

/** What is done of an erasure, and what is pending until when. Pure. */
export function reportOf(input: ReportInput): readonly ReportLine[] {
  const { erasure, lake, metrics } = input;
  if (erasure.state === "running" || erasure.erased_at === null)
    return [{ what: "everything", state: "pending", at: null, detail: "an extractor has to run" }];
  const { tickets, messages } = erasure;
  return [
    {
      what: "current state on the log, extractor's index",
      state: "done",
      at: erasure.erased_at,
      detail: `${tickets} tickets, ${messages} messages; later observations are dropped`,
    },
    letterLine(input, erasure.erased_at),
    lakeLine(input, lake),
    metricsLine(metrics),
    ...logLines(input, epochMsOf(erasure.erased_at)),
  ];
}

function letterLine({ erasure, found }: ReportInput, erasedAt: Instant): ReportLine {
  const what = "dead letters";
  const left = found?.topics.get("dead-letters")?.records ?? 0;
  const until = instantOf(epochMsOf(erasedAt) + retentionMsOf("dead-letters") + segmentMs);
  if (erasure.dead_letters_left !== null)
    return { what, state: "pending", at: until, detail: erasure.dead_letters_left };
  if (left > 0)
    return {
      what,
      state: "pending",
      at: until,
      detail: `${left} came later: the same erase command again removes them now`,
    };
  return { what, state: "done", at: erasedAt, detail: `${erasure.dead_letters} removed` };
}

function lakeLine({ found }: ReportInput, lake: ErasurePartDone | null): ReportLine {
  const what = "lake: tables and their history, snapshots, claim-check bodies";
  const objects = found?.objects ?? [];
  if (lake === null)
    return { what, state: "pending", at: null, detail: "a lake writer has to run" };
  if (objects.length > 0)
    return {
      what,
      state: "pending",
      at: null,
      detail: `found in ${objects.length} objects, such as ${objects[0]}: the same erase command again looks for them anew`,
    };
  const counts = Object.entries(lake.counts).map(([name, count]) => `${count} ${name}`);
  return { what, state: "done", at: lake.done_at, detail: counts.join(", ") };
}

function metricsLine(metrics: ErasurePartDone | null): ReportLine {
  const what = "metrics' store and figures";
  if (metrics === null)
    return { what, state: "pending", at: null, detail: "the metrics service has to run" };
  return { what, state: "done", at: metrics.done_at, detail: "numbers without ids are kept" };
}

/** What the log itself lets go of in its own time. */
function logLines({ isEmbedded, found }: ReportInput, erasedMs: number): readonly ReportLine[] {
  const retentionMs = Math.max(...events.map(retentionMsOf));
  const lines = [
    {
      what: `superseded records of ${compacted.join(", ")}`,
      topics: compacted,
      of: "records",
      untilMs: erasedMs + (isEmbedded ? 0 : compactionMs),
      detail: "compaction",
    },
    {
      what: `tombstones of ${compacted.join(", ")}`,
      topics: compacted,
      of: "tombstones",
      untilMs: erasedMs + compactionMs + tombstoneRetentionMs + compactionMs,
      detail: "ids alone, kept so that every reader hears of it",
    },
    {
      what: `past events in ${events.join(", ")}`,
      topics: events,
      of: "records",
      untilMs: erasedMs + retentionMs + segmentMs,
      detail: "the topics' retention",
    },
  ] as const;
  return lines.map(({ what, topics: names, of, untilMs, detail }) => {
    const left = names.reduce((sum, topic) => sum + (found?.topics.get(topic)?.[of] ?? 0), 0);
    const isDone = found === null ? untilMs === erasedMs : left === 0;
    return {
      what,
      state: isDone ? "done" : "pending",
      at: instantOf(untilMs),
      detail: left > 0 ? `${left} left: ${detail}` : detail,
    };
  });
}

function retentionMsOf(name: TopicName): number {
  const cleanUp = topics.find(({ topic }) => topic === name)?.cleanUp;
  return cleanUp?.by === "time" ? cleanUp.retentionMs : 0;
}

/** Lines that should be done by now and are not. Pure. */
export function overdue(lines: readonly ReportLine[], nowMs: number): readonly ReportLine[] {
  return lines.filter(
    ({ state, at }) => state === "pending" && at !== null && epochMsOf(at) < nowMs,
  );
}

/** What is written down when nothing is pending any more; null while something is. Pure. */
export function closingOf(
  { system, erasure_id, revision }: ErasureState,
  lines: readonly ReportLine[],
  searched: { readonly records: number; readonly objects: number; readonly nowMs: number },
): ErasureClosed | null {
  if (lines.some(({ state }) => state === "pending")) return null;
  const { records, objects, nowMs } = searched;
  return { system, erasure_id, revision, closed_at: instantOf(nowMs), records, objects };
}
