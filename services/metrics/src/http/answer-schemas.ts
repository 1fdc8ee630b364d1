import { instant, taskState, ticketMetrics } from "@thulium-stream/contracts";
import { z } from "zod";
import { histogramBoundsS } from "../aggregates/aggregate.ts";
import { vendorReasons } from "../figures/vendor-difference.ts";
import { intervals } from "../local-time.ts";

const text = z.string().nullable();
const seconds = z.number().min(0).nullable();
const whole = z.int().min(0);

/** What stands in front of every answer. */
const fresh = {
  as_of: instant.describe("Everything appended to the log up to here is counted"),
  lag_s: whole.describe("Age of `as_of` in seconds; 0 at the log's end"),
};
const bounds = { from: z.iso.date(), to: z.iso.date().describe("Inclusive") };
const pageAnswer = z.object({
  offset: whole,
  limit: whole,
  total: whole.describe("Lines there are in all"),
});

const distribution = z
  .object({
    count: whole,
    mean_s: seconds,
    p50_s: seconds,
    p90_s: seconds,
    p95_s: seconds,
    p99_s: seconds,
    histogram: z
      .array(whole)
      .length(histogramBoundsS.length + 1)
      .describe(
        `Counts up to ${histogramBoundsS.join(", ")} s, each without those before; the last above`,
      ),
  })
  .describe("Seconds; percentiles within 1 %; null where there is nothing to measure");

const slaShare = z.object({
  met: whole,
  breached: whole,
  share: z.number().min(0).max(1).nullable().describe("Share that was met; null when none ended"),
});

const aggregate = z.object({
  created: whole.describe("Tickets created in the stretch"),
  closed: whole.describe("Tickets whose last close lies in it"),
  backlog: whole.describe("Tickets open at its end"),
  reopened: whole.describe("Reopenings among the tickets closed in it"),
  reopen_rate: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .describe("Share of the tickets closed in it that had been reopened"),
  first_response: distribution,
  first_response_business: distribution,
  next_response: distribution,
  next_response_business: distribution,
  resolution: distribution,
  resolution_business: distribution,
  sla: z.object({ first_response: slaShare, next_response: slaShare, resolution: slaShare }),
  version: whole.describe("1, and one more for every fact of it that was learnt after its end"),
  corrected_at: instant.nullable().describe("When the newest such fact was learnt"),
});

const groupKey = z
  .array(text)
  .describe("Values of the groups, in the order asked for; null = without one");
const groupLine = z.object({
  key: groupKey,
  ...aggregate.shape,
});

/** Answer of `GET /api/v1/summary`. */
export const summaryAnswer = z.object({
  ...fresh,
  ...bounds,
  group_by: z.array(z.string()),
  total: aggregate,
  groups: z.array(groupLine),
  page: pageAnswer,
  before: z
    .object({ ...bounds, total: aggregate })
    .nullable()
    .describe("When it was asked for"),
});

/** Answer of `GET /api/v1/agents`. */
export const agentsAnswer = z.object({
  ...fresh,
  ...bounds,
  agents: z.array(z.object({ agent: text, ...aggregate.shape })),
  page: pageAnswer,
});

const point = z.object({
  label: z.string().describe("Local start of the interval"),
  from_ms: z.int().describe("Its start, milliseconds since 1970"),
  to_ms: z.int().describe("Its end, exclusive"),
  ...aggregate.shape,
});

/** Answer of `GET /api/v1/timeseries`. */
export const timeseriesAnswer = z.object({
  ...fresh,
  ...bounds,
  interval: z.enum(intervals),
  points: z.array(point).describe("Of all groups"),
  group_by: z.array(z.string()),
  groups: z
    .array(z.object({ key: groupKey, points: z.array(point) }))
    .describe("The most tickets first"),
  page: pageAnswer,
});

/** Answer of `GET /api/v1/heatmap`. */
export const heatmapAnswer = z.object({
  ...fresh,
  ...bounds,
  created: z
    .array(z.array(whole).length(24))
    .length(7)
    .describe("Tickets created, by weekday (Monday first) and local hour"),
});

const openTicket = z.object({
  ticket_id: z.string(),
  subject: text,
  queue: text,
  category: text,
  source: text,
  agent: text,
  status: text,
  created_at: instant,
});

/** Answer of `GET /api/v1/tickets`. */
export const ticketsAnswer = z.object({
  ...fresh,
  tickets: z.array(openTicket).describe("Open tickets, the oldest first"),
  page: pageAnswer,
});

/** Answer of `GET /api/v1/tickets/:id`. */
export const ticketAnswer = z.object({
  ...fresh,
  ticket: ticketMetrics.omit({ history: true }),
  vendor: z
    .array(
      z.object({
        figure: z.enum(["first_response", "close"]),
        ours_s: seconds,
        vendor_s: z.number().nullable(),
        difference_s: z.number().nullable().describe("The vendor's less ours"),
        reason: z.enum(vendorReasons).describe("The likely reason why they differ"),
        explained_s: z.number().nullable().describe("What the vendor's would be for that reason"),
      }),
    )
    .describe("The vendor's own figures beside ours, never mixed with them"),
});

const openClocks = z.object({
  running: whole,
  due_within_1h: whole,
  due_within_4h: whole,
  due_within_8h: whole,
  due_within_24h: whole,
  overdue: whole.describe("Ran out before what is still waited for was done"),
});
const bySla = <T extends z.ZodType>(each: T) =>
  z.object({ first_response: each, next_response: each, resolution: each });

/** Answer of `GET /api/v1/sla`. */
export const slaAnswer = z.object({
  ...fresh,
  ...bounds,
  group_by: z.array(z.string()),
  total: bySla(slaShare).describe("Clocks that ended in the stretch"),
  open: bySla(openClocks).describe("Clocks of open tickets, now"),
  groups: z.array(z.object({ key: z.array(text), ...bySla(slaShare).shape })),
  page: pageAnswer,
});

/** Answer of `GET /api/v1/freshness`. */
export const freshnessAnswer = z.object({
  ...fresh,
  is_caught_up: z.boolean().describe("Whether the log's end was reached since the start"),
  tickets: whole.describe("Tickets that are counted"),
  events: whole.describe("Events folded since the start"),
  zone: z.string().describe("Zone whose days and hours the figures are about"),
});

/** Answer of `GET /api/v1/filters`. */
export const filtersAnswer = z.object({
  ...fresh,
  queue: z.array(z.string()),
  category: z.array(z.string()),
  source: z.array(z.string()),
  agent: z.array(z.string()),
  status: z.array(z.string()),
});

const holeAnswer = z.object({
  by: z.string(),
  from: text,
  to: text,
  reason: z.string(),
  attempts: whole,
  next_at: instant,
});

/** What `GET /api/v1/pipeline` tells beside the freshness. Instants are UTC. */
export const pipelineBody = z.object({
  source_url: text.describe("Where the help desk's own pages are; null for the sandbox"),
  extractor: z
    .object({
      is_running: z.boolean(),
      heard_at: instant,
      last_sweep_at: instant.nullable(),
      waiting_until: instant.nullable().describe("Until when the source asked to wait"),
      requests: whole.describe("Since its start"),
      request_rate: z.number().describe("Requests a second that it allows itself now"),
      found_limit: z.number().nullable().describe("Highest rate that the source is known to take"),
      tickets_held: whole,
      clock_skew_ms: z.number().nullable(),
    })
    .nullable()
    .describe("Null when none was ever heard"),
  sealed: instant.nullable().describe("Every change of the source up to here is on the log"),
  agreed_as_of: instant
    .nullable()
    .describe("What is held equals what the source listed then, deletes included"),
  backfill_done_at: instant.nullable(),
  tasks: z
    .array(
      taskState
        .pick({
          task_id: true,
          state: true,
          slices: true,
          slices_done: true,
          expected: true,
          tickets: true,
          requested_at: true,
          started_at: true,
          ended_at: true,
          note: true,
        })
        .extend({ kind: z.string() }),
    )
    .describe("The newest twenty, newest first"),
  holes: z.object({ count: whole, first: z.array(holeAnswer) }),
  dead_letters: whole.describe("Set aside, and not yet dealt with"),
  lake: z
    .object({
      tables: z.array(
        z.object({
          name: z.string(),
          rows: whole,
          lag_records: whole.nullable().describe("Records of the log not yet committed"),
          committed_at: instant.nullable(),
        }),
      ),
      last_snapshot_at: text,
    })
    .nullable()
    .describe("Null when it cannot be read from here"),
  can_command: z.boolean().describe("Whether tasks can be paused and resumed: with API_TOKEN only"),
});
/** See {@link pipelineBody}. */
export type PipelineBody = z.infer<typeof pipelineBody>;

/** Answer of `GET /api/v1/pipeline`. */
export const pipelineAnswer = z.object({ ...fresh, ...pipelineBody.shape });

/** Answer of a command that was taken. */
export const commandAnswer = z.object({
  task_id: z.string(),
  command: z.enum(["pause", "resume"]),
  requested_at: instant,
});

/** RFC 9457 problem details. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  instance: z.string().optional().describe("Path that was asked"),
  field: z.string().optional().describe("Parameter that breaks its rule"),
  rule: z.string().optional().describe("What it must be"),
});
