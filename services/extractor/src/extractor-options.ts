import type { StepPattern } from "./observation-context.ts";

/** What an extractor needs to know. Times in milliseconds. */
export interface ExtractorOptions {
  /** Tenant; part of every key. */
  readonly system: string;
  /** IANA zone of the source's wall clock. */
  readonly zone: string;
  /** Pause between live sweeps. Default 15 s. */
  readonly pollIntervalMs?: number;
  /** How old a minute must be before the watermark may pass it. Default 2 min. */
  readonly settleDelayMs?: number;
  /** Ceiling of requests a second. Default 5. */
  readonly requestsPerSecond?: number;
  /** Tickets a request asks for, 1–100. Default 100. */
  readonly pageSize?: number;
  /** Tickets created before this wall-clock day (`YYYY-MM-DD`) are left out. Default: none. */
  readonly backfillFrom?: string | null;
  /** Statuses that count as closed, by id or name. Default Zamknięte, Połączone. */
  readonly closedStatuses?: readonly string[];
  /** Tickets of a slice of a listing, at most, about. Default 25,000. */
  readonly sliceTickets?: number;
  /** Slices listed at once. Default 3. */
  readonly parallelSlices?: number;
  /** When the tickets of the last {@link backfillDays} are listed again: cron in `zone`, or `off`, the default. */
  readonly backfillSchedule?: string;
  /** Default 90. */
  readonly backfillDays?: number;
  /** When everything is listed again, for silent changes and deletes. Default `0 1 * * *`. */
  readonly rereadSchedule?: string;
  /** When deletes are looked for by counts. Default `30 * * * *`. */
  readonly censusSchedule?: string;
  /** Pause between two re-readings of recent and open tickets. Default 1 h. */
  readonly rereadEveryMs?: number;
  /** Pause between the two questions that confirm a delete. Default 10 s. */
  readonly confirmDelayMs?: number;
  /** Which of several extractors of the system this is; the same after a restart. Default empty: it is not told. */
  readonly instance?: string;
  /** Wordings of system comments that tell a step. Default: the English and Polish line of a status change. */
  readonly stepPatterns?: readonly StepPattern[];
}

/** Options with every default filled in. */
export type ExtractorSettings = Required<ExtractorOptions>;

const statusChange: readonly StepPattern[] = [
  {
    kind: "status_changed",
    pattern: /Changed status from \[(?<from>[^\]]*)\] to \[(?<to>[^\]]*)\]/,
  },
  {
    kind: "status_changed",
    pattern: /Zmieniono status z \[(?<from>[^\]]*)\] na \[(?<to>[^\]]*)\]/,
  },
];

/** Fills in the defaults. */
export function withDefaults(options: ExtractorOptions): ExtractorSettings {
  return {
    pollIntervalMs: 15_000,
    settleDelayMs: 120_000,
    requestsPerSecond: 5,
    pageSize: 100,
    backfillFrom: null,
    closedStatuses: ["Zamknięte", "Połączone"],
    sliceTickets: 25_000,
    parallelSlices: 3,
    backfillSchedule: "off",
    backfillDays: 90,
    rereadSchedule: "0 1 * * *",
    censusSchedule: "30 * * * *",
    rereadEveryMs: 3_600_000,
    confirmDelayMs: 10_000,
    instance: "",
    stepPatterns: statusChange,
    ...options,
  };
}
