import type { HeadRun, MessageMark, StoredHistory, TicketHistory } from "@thulium-stream/contracts";

type StoredHead = StoredHistory["heads"][number];
type StoredMark = StoredHistory["messages"][number];

/** What a run is before anything was said of it. */
const blank = {
  deleted: false,
  unlisted: false,
  status_id: null,
  status: null,
  queue_id: null,
  queue: null,
  category: null,
  source: null,
  agent: null,
  priority: null,
  subject: null,
  customer_id: null,
  created_at: null,
  closed_at: null,
  vendor_responded_at: null,
  vendor_first_response_s: null,
  vendor_close_s: null,
} as const satisfies Partial<HeadRun>;
const inherited = Object.keys(blank) as (keyof typeof blank)[];

/** A history as a record keeps it: of each run only what is new in it. A third of the size, and the same history again by {@link unpackHistory}. */
export function packHistory({ heads, messages }: TicketHistory): StoredHistory {
  let before: Pick<HeadRun, keyof typeof blank> = blank;
  return {
    heads: heads.map((run) => {
      const stored: Record<string, unknown> = {
        version: run.version,
        at: run.at,
        observed_at: run.observed_at,
      };
      if (run.through !== run.version) stored["through"] = run.through;
      if (run.last_observed_at !== run.observed_at)
        stored["last_observed_at"] = run.last_observed_at;
      if (run.is_observation) stored["is_observation"] = true;
      if (run.updated_at !== null) stored["updated_at"] = run.updated_at;
      if (run.steps.length > 0) stored["steps"] = run.steps;
      for (const field of inherited) if (run[field] !== before[field]) stored[field] = run[field];
      before = run;
      return stored as StoredHead;
    }),
    messages: messages.map(packMark),
  };
}

/** The history that {@link packHistory} packed. */
export function unpackHistory({ heads, messages }: StoredHistory): TicketHistory {
  let before: Pick<HeadRun, keyof typeof blank> = blank;
  return {
    heads: heads.map((stored): HeadRun => {
      const run = {
        ...before,
        through: stored.version,
        last_observed_at: stored.observed_at,
        is_observation: false,
        updated_at: null,
        steps: [],
        ...(stored as Partial<HeadRun>),
      } as HeadRun;
      before = run;
      return run;
    }),
    messages: messages.map(unpackMark),
  };
}

/** How many facts a history is made of: while its newest observation stays the same, the number only grows. */
export function factsOf({ heads, messages }: StoredHistory): number {
  let facts = 0;
  for (const { version, through = version } of heads) facts += through - version + 1;
  for (const { version = 1 } of messages) facts += version;
  return facts;
}

function packMark(mark: MessageMark): StoredMark {
  const { message_id, at, observed_at, version, type, user_login, rating } = mark;
  return {
    message_id,
    at,
    observed_at,
    ...(version === 1 ? null : { version }),
    ...(mark.first_observed_at === observed_at
      ? null
      : { first_observed_at: mark.first_observed_at }),
    ...(type === null ? null : { type }),
    ...(user_login === null ? null : { user_login }),
    ...(rating === null ? null : { rating }),
    ...(mark.removed ? { removed: true } : null),
  };
}

function unpackMark(stored: StoredMark): MessageMark {
  return {
    message_id: stored.message_id,
    version: stored.version ?? 1,
    observed_at: stored.observed_at,
    first_observed_at: stored.first_observed_at ?? stored.observed_at,
    at: stored.at,
    type: stored.type ?? null,
    user_login: stored.user_login ?? null,
    rating: stored.rating ?? null,
    removed: stored.removed ?? false,
  };
}
