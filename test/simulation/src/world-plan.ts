import { seededRandom } from "@thulium-stream/kit";
import type { SwitchName } from "@thulium-stream/sandbox";

/** Everything about a run that chance decides before it begins. A function of the seed alone. */
export interface WorldPlan {
  readonly seed: number;
  readonly startMs: number;
  readonly hours: number;
  readonly tickets: number;
  readonly historyDays: number;
  readonly changesPerHour: number;
  /** Mean pause between changes that the run makes by hand, in milliseconds. */
  readonly mutationPauseMs: number;
  readonly switches: Readonly<Partial<Record<SwitchName, string>>>;
  readonly pageSize: number;
  readonly sliceTickets: number;
  readonly parallelSlices: number;
  readonly pollIntervalMs: number;
  readonly settleDelayMs: number;
  readonly requestsPerSecond: number;
  readonly rereadEveryMs: number;
  /** Cron patterns of the complete listing and of the census by counts. */
  readonly rereadSchedule: string;
  readonly censusSchedule: string;
  /** Zone of the source's wall clock, which the extractor is told. */
  readonly zone: string;
  /** Share of the changes made by hand that edit many tickets in one minute, and that delete or merge one. */
  readonly bulkShare: number;
  readonly goneShare: number;
  /** How far the source's clock is ahead of ours. */
  readonly skewMs: number;
  readonly kills: number;
  /** Longest time that the process stays down after a kill. */
  readonly downtimeMs: number;
  /** Longest way of a request to the source or back. */
  readonly latencyMs: number;
  /** Longest time that the log takes before an append is made, and again before that is known. */
  readonly appendMs: number;
  /** How long after its stamp a change may come to light, in milliseconds: below the settle delay. */
  readonly latenessMs: number;
  /** What Retry-After says instead of the sandbox's own second or two; 0 = as it is. */
  readonly retryAfterS: number;
  /** Share of appends whose outcome the writer does not learn. */
  readonly doubtfulAppends: number;
  /** How long a ticket that exists is answered with 404 when it is asked for by its id, from the first question on; below the pause between two questions. */
  readonly falseGoneMs: number;
}

/** What a run is mostly about: a bit of everything, hot minutes, tickets that vanish, or a source that refuses. */
export const worldKinds = ["plain", "busy", "deletes", "limited"] as const;
/** One of {@link worldKinds}. */
export type WorldKind = (typeof worldKinds)[number];

/** Switches that change how the source reads or answers, with what is drawn for each; section 4 of thulium-api.md. */
const drawn: readonly (readonly [SwitchName, readonly string[]])[] = [
  ["stamps", ["minute", "seconds", "random"]],
  ["bounds", ["closed", "right_open", "left_open"]],
  ["cmp", ["seconds", "minute"]],
  ["bad_limit", ["400", "clamp", "500"]],
  ["past_end", ["empty", "404"]],
  ["max_offset", ["off", "off", "400"]],
  ["max_offset_answer", ["500", "504", "empty"]],
  ["touch_on", ["all", "messages_only", "no_close"]],
  ["ties", ["shuffled", "shuffled", "stable"]],
  ["unknown_param", ["ignore", "400"]],
  ["durations", ["wall", "business", "last_close"]],
  ["on_reopen", ["clear", "keep"]],
  ["merged", ["gone", "listed"]],
  ["merged_messages", ["move", "stay"]],
  ["deleted", ["410", "404"]],
  ["count", ["exact", "racy"]],
  ["id_types", ["as_doc", "all_int", "all_string", "random"]],
  ["no_value", ["mixed", "null", "empty", "absent", "random"]],
  ["message_order", ["oldest_first", "newest_first", "shuffled"]],
  ["json", ["plain", "php"]],
  ["html_errors", ["off", "on"]],
  ["rate_limit", ["off", "off", "off", "5", "2"]],
  ["retry_after", ["seconds", "date", "off"]],
  ["limit_status", ["429", "503"]],
  ["fail", ["off", "off", "2%", "10%", "ticket:103+117"]],
  ["fail_status", ["500", "502", "503", "504", "reset"]],
  ["malformed", ["off", "off", "3%"]],
  ["envelope", ["off", "off", "3%"]],
  ["envelope_form", ["null_result", "no_result", "object_result", "bare_list", "html"]],
  ["slow", ["off", "off", "1%"]],
  ["date_only_to", ["midnight", "end_of_day"]],
  ["bad_order", ["400", "ignore", "500"]],
  ["scalar_status", ["500", "400", "filter", "ignore"]],
  ["unknown_ref", ["empty", "400", "404"]],
  ["new_field", ["off", "on"]],
  ["big_ticket", ["off", "off", "15x0.06"]],
  ["max_page_mb", ["off", "off", "0.2"]],
  ["slow_ms", ["20000", "90000"]],
];

/** Switches that are trouble rather than reading: they end before the last comparison. */
export const faultSwitches = {
  fail: "off",
  malformed: "off",
  envelope: "off",
  slow: "off",
  rate_limit: "off",
  // Merges may make a ticket that alone is larger than any answer: it stays a hole for good.
  max_page_mb: "off",
} as const satisfies Partial<Record<SwitchName, string>>;

/** Starts within the hour before the clocks change, in both directions, and on plain days; Lord Howe moves by half an hour. */
const starts: readonly (readonly [zone: string, start: string])[] = [
  ["Europe/Warsaw", "2026-10-25T00:05:00Z"],
  ["Europe/Warsaw", "2026-10-25T00:40:00Z"],
  ["Europe/Warsaw", "2027-03-28T00:10:00Z"],
  ["Europe/Warsaw", "2026-11-24T08:00:00Z"],
  ["Europe/Warsaw", "2026-12-31T22:30:00Z"],
  ["America/New_York", "2026-11-01T05:20:00Z"],
  ["America/New_York", "2027-03-14T06:20:00Z"],
  ["Australia/Lord_Howe", "2027-04-03T14:20:00Z"],
  ["UTC", "2026-11-24T08:00:00Z"],
];

/** What a kind of world sets, whatever was drawn. */
const kinds: Readonly<Record<WorldKind, Partial<WorldPlan>>> = {
  plain: {},
  busy: {
    hours: 0.5,
    tickets: 90,
    pageSize: 7,
    // Bulk edits far enough apart that a ticket rests until the watermark has passed it: what is lost then shows.
    bulkShare: 0.3,
    mutationPauseMs: 60_000,
    pollIntervalMs: 180_000,
    settleDelayMs: 60_000,
    rereadEveryMs: 1_200_000,
    requestsPerSecond: 50,
    latencyMs: 20,
  },
  limited: { hours: 0.5, requestsPerSecond: 10, retryAfterS: 90, latencyMs: 20 },
  deletes: {
    hours: 1,
    tickets: 110,
    goneShare: 0.5,
    mutationPauseMs: 60_000,
    rereadSchedule: "*/20 * * * *",
    censusSchedule: "*/7 * * * *",
    falseGoneMs: 5_000,
  },
};

const kindSwitches: Readonly<Record<WorldKind, WorldPlan["switches"]>> = {
  plain: {},
  deletes: {},
  busy: { ties: "shuffled", touch_on: "all", rate_limit: "off", fail: "off", slow: "off" },
  limited: { rate_limit: "2", retry_after: "seconds" },
};

/** Draws a world. */
export function planOf(seed: number, kind: WorldKind = "plain"): WorldPlan {
  const random = seededRandom(seed * 2 + 1);
  const from = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const between = (least: number, most: number) =>
    least + Math.floor(random() * (most - least + 1));
  const switches = Object.fromEntries(drawn.map(([name, words]) => [name, from(words)]));
  const [zone, start] = from(starts);
  return {
    seed,
    zone,
    startMs: Date.parse(start) + between(0, 59) * 1000,
    hours: from([0.5, 1, 1.5]),
    tickets: between(10, 120),
    historyDays: from([0.05, 1, 30, 400]),
    changesPerHour: from([0, 60]),
    mutationPauseMs: from([3_000, 20_000, 120_000]),
    switches: {
      ...switches,
      tz: zone,
      ...kindSwitches[kind],
    },
    pageSize: from([7, 20, 100]),
    sliceTickets: from([15, 60, 500]),
    parallelSlices: between(1, 3),
    pollIntervalMs: from([20_000, 60_000, 120_000]),
    settleDelayMs: from([60_000, 120_000]),
    requestsPerSecond: from([2, 10, 50]),
    rereadEveryMs: from([60_000, 60_000, 1_200_000]),
    rereadSchedule: from(["0 1 * * *", "*/25 * * * *"]),
    censusSchedule: from(["off", "*/12 * * * *"]),
    bulkShare: 0.06,
    goneShare: 0.08,
    skewMs: from([0, 0, -7_000, 25_000, -240_000, 240_000]),
    kills: from([0, 0, 2, 5]),
    downtimeMs: from([0, 0, 40 * 60_000]),
    latencyMs: from([20, 3000, 10_000]),
    latenessMs: from([0, 45_000]),
    retryAfterS: from([0, 0, 20, 90]),
    doubtfulAppends: from([0, 0, 0.05]),
    falseGoneMs: from([0, 5_000]),
    appendMs: from([0, 0, 300, 5_000]),
    ...kinds[kind],
  };
}
