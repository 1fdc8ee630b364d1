import { z } from "zod";
import { eraseCommand } from "./erasure.ts";
import { epochMsOf, instant } from "./instant.ts";

const minute = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}$/)
  .describe("Wall clock of the source, YYYY-MM-DD HH:MM");

/** What an operator, or a schedule, may ask of the extractor beside its live sweeps. */
export const taskRequest = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("backfill").describe("Read all tickets created in a range"),
    created_from: minute.nullable().describe("Inclusive; null = the oldest ticket"),
    created_to: minute.nullable().describe("Inclusive; null = now"),
    queue_ids: z.array(z.string()).describe("Only these queues; none = all"),
    estimate_only: z.boolean().describe("Count and plan, then stop"),
  }),
  z.object({ kind: z.literal("reread").describe("Read recent and open tickets again") }),
  z.object({
    kind: z.literal("census").describe("Look for deleted and merged tickets by counts"),
    believe_deletes: z.boolean().describe("Also when more are gone than the guard lets pass"),
  }),
  z.object({
    kind: z.literal("repair").describe("Read the tickets created in these minutes again"),
    created_minutes: z.array(minute),
  }),
]);
/** See {@link taskRequest}. */
export type TaskRequest = z.infer<typeof taskRequest>;

/** A command about a task. */
export const taskCommand = z.discriminatedUnion("command", [
  z.object({
    command: z.literal("start"),
    system: z.string(),
    task_id: z.string().min(1),
    request: taskRequest,
    requested_at: instant,
  }),
  z.object({
    command: z.enum(["pause", "resume", "cancel"]),
    system: z.string(),
    task_id: z.string().min(1),
    requested_at: instant,
  }),
]);
/** See {@link taskCommand}. */
export type TaskCommand = z.infer<typeof taskCommand>;

/** Value of the topic `commands`, keyed by system: what the extractor is told while it runs, or will find when it starts. */
export const command = z.union([taskCommand, eraseCommand]);
/** See {@link command}. */
export type Command = z.infer<typeof command>;

/** States of a task. The last three are ends. */
export const taskStates = [
  "waiting",
  "running",
  "paused",
  "estimated",
  "done",
  "cancelled",
] as const;

/** Value under `<system>:task:<id>` in `extractor-state`: a piece of work with a beginning and an end, that a restart does not lose. */
export const taskState = z.object({
  system: z.string(),
  task_id: z.string(),
  request: taskRequest,
  state: z.enum(taskStates),
  slices: z.int().nullable().describe("Windows that it is divided into; null until planned"),
  slices_done: z.int(),
  expected: z.int().describe("Tickets that the source promised when it was planned"),
  tickets: z.int().describe("Tickets read so far"),
  requests_expected: z.int().describe("Requests that it takes at least"),
  holes: z.int().describe("Windows that could not be read and are tried again by themselves"),
  requested_at: instant,
  started_at: instant.nullable(),
  ended_at: instant.nullable(),
  note: z.string().nullable().describe("What the operator should know about its end"),
});
/** See {@link taskState}. */
export type TaskState = z.infer<typeof taskState>;

/** Whether a task is over. */
export function isEnded({ state }: TaskState): boolean {
  return state === "estimated" || state === "done" || state === "cancelled";
}

/** Compares tasks for sorting: the one asked for last comes first. */
export function newestFirst(a: TaskState, b: TaskState): number {
  return a.requested_at < b.requested_at ? 1 : -1;
}

/** Value under `<system>:status` in `extractor-state`: a running extractor's word about itself, renewed every few seconds. */
export const extractorHeartbeat = z.object({
  system: z.string(),
  at: instant,
  instance: z
    .string()
    .default("")
    .describe("Which of several extractors of the system it is: machine and a random value"),
  is_running: z.boolean().describe("false: it ended in order; one that was killed falls silent"),
  last_sweep_at: instant.nullable(),
  waiting_until: instant.nullable().describe("Until when the source asked to wait"),
  requests: z.int().describe("Requests since its start"),
  request_rate: z.number().describe("Requests a second that it allows itself now"),
  found_limit: z
    .number()
    .nullable()
    .describe("Highest rate that the source is known to take; null while none was refused"),
  tickets_held: z.int(),
  clock_skew_ms: z.number().nullable().describe("Our clock minus the source's"),
  recent_and_open_read_at: instant.nullable(),
  recent_and_open_every_s: z.number(),
  all_every_s: z.number().nullable(),
  erased_dropped: z
    .int()
    .default(0)
    .describe("Observations since its start that were dropped because they are of what was erased"),
});
/** See {@link extractorHeartbeat}. */
export type ExtractorHeartbeat = z.infer<typeof extractorHeartbeat>;

/** A running extractor that said nothing for so long is gone: four heartbeats. */
const silentMs = 45_000;

/** Whether an extractor runs, as its last heartbeat lets one think. */
export function isHeard({ at, is_running }: ExtractorHeartbeat, nowMs: number): boolean {
  return is_running && nowMs - epochMsOf(at) <= silentMs;
}
