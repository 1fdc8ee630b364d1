import {
  type DeadLetter,
  hashId,
  instantOf,
  type Origin,
  type RejectedRow,
  type SliceState,
  type TicketPage,
} from "@thulium-stream/contracts";
import type { Asker } from "./asker.ts";
import type { Lane } from "./budget.ts";
import type { ExtractorSettings } from "./extractor-options.ts";
import type { Window } from "./page-rule.ts";
import type { Job, Publisher } from "./publisher.ts";
import { type Hole, readWindow } from "./read-window.ts";

/** What every reading of the source works with. */
export interface ReadingDeps {
  readonly asker: Asker;
  readonly publisher: Publisher;
  readonly settings: ExtractorSettings;
  readonly nowMs: () => number;
}

/** How one window is read. */
export interface Reading {
  readonly window: Window;
  readonly lane: Lane;
  readonly origin: Origin;
  /** Job parts that ride with a page: the progress it proves. */
  readonly progress?: (proven: string | null) => Pick<Job, "slices">;
  /** Sees each page once it is durable. */
  readonly onPage?: (page: TicketPage) => Promise<void> | void;
}

/** What reading a window came to. */
export interface ReadingResult {
  readonly events: number;
  readonly holes: number;
}

/** Pages that may wait for their append while the next is asked for. */
const pagesAhead = 2;

/**
 * Reads a window completely and publishes page by page; every page is durable when it resolves. Observations that overlapped and differ are
 * read once more before it returns.
 */
export async function readAndPublish(
  deps: ReadingDeps,
  reading: Reading,
  signal: AbortSignal,
): Promise<ReadingResult> {
  const { asker, publisher, settings } = deps;
  const pending: Promise<unknown>[] = [];
  const unclearMinutes = new Set<string>();
  let events = 0;
  let holes = 0;
  let proven: string | null = null;
  const send = async (job: Job) => {
    const publishing = publisher.publish(job).then(async (result) => {
      events += result.events;
      for (const { ticket } of result.unclear)
        if (ticket.created_at_raw !== null) unclearMinutes.add(ticket.created_at_raw.slice(0, 16));
      if (job.page !== undefined) await reading.onPage?.(job.page);
    });
    // Failures surface when the page is waited for below; until then they must not count as unhandled.
    publishing.catch(() => {});
    pending.push(publishing);
    if (pending.length > pagesAhead) await pending.shift();
  };
  for await (const step of readWindow(
    (request) => asker.list(request, reading.lane, signal),
    reading.window,
    settings.pageSize,
  )) {
    if (step.kind === "page") {
      const deadLetters = step.page.rejected.map((row) =>
        letterOfRow(settings.system, row, deps.nowMs()),
      );
      await send({
        origin: reading.origin,
        page: step.page,
        deadLetters,
        ...reading.progress?.(proven),
      });
    } else if (step.kind === "proven") {
      proven = step.before;
    } else {
      holes += 1;
      await send({
        origin: reading.origin,
        deadLetters: [letterOfHole(settings.system, step.hole, deps.nowMs())],
      });
    }
  }
  await Promise.all(pending);
  for (const minute of unclearMinutes) {
    const confirmed = await readAndPublish(
      deps,
      {
        window: { by: "create_date", bounds: { from: minute, to: minute } },
        lane: "confirm",
        origin: reading.origin,
      },
      signal,
    );
    events += confirmed.events;
    holes += confirmed.holes;
  }
  return { events, holes };
}

function letterOfRow(
  system: string,
  { ticketId, detail, raw }: RejectedRow,
  nowMs: number,
): DeadLetter {
  return letter(
    system,
    { reason: "InvalidResponse", detail, stage: "source-row", key: ticketId, raw },
    nowMs,
  );
}

function letterOfHole(system: string, { request, failure }: Hole, nowMs: number): DeadLetter {
  const raw = JSON.stringify({ request, answer: failure.raw ?? null });
  return letter(
    system,
    { reason: failure.code, detail: failure.message, stage: "source-page", key: null, raw },
    nowMs,
  );
}

function letter(
  system: string,
  fields: Pick<DeadLetter, "reason" | "detail" | "stage" | "key" | "raw">,
  nowMs: number,
): DeadLetter {
  const at = instantOf(nowMs);
  return {
    system,
    letter_id: hashId(`${fields.stage}\n${fields.key}\n${fields.raw}`),
    attempts: 1,
    first_at: at,
    last_at: at,
    position: null,
    ...fields,
  };
}

/** Progress of a slice: where to go on after a restart. */
export function sliceProgress(slice: SliceState): (proven: string | null) => Pick<Job, "slices"> {
  return (proven) =>
    proven === null
      ? {}
      : { slices: [{ slice: slice.slice, state: { ...slice, resume_from: proven } }] };
}
