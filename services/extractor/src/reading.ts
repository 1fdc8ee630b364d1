import type { DeadLetter, Origin, RejectedRow, TicketPage } from "@thulium-stream/contracts";
import type { WallClock } from "@thulium-stream/thulium-api/pure";
import type { Asker } from "./asker.ts";
import type { Lane } from "./budget.ts";
import { deadLetter } from "./dead-letter.ts";
import type { ExtractorSettings } from "./extractor-options.ts";
import { endedHole, recordsOfHole } from "./holes.ts";
import type { Window } from "./page-rule.ts";
import type { Job, Publisher } from "./publisher.ts";
import { readWindow } from "./read-window.ts";

/** What every reading of the source works with. */
export interface ReadingDeps {
  readonly asker: Asker;
  readonly publisher: Publisher;
  readonly settings: ExtractorSettings;
  readonly wallClock: WallClock;
  readonly nowMs: () => number;
}

/** How one window is read. */
export interface Reading {
  readonly window: Window;
  readonly lane: Lane;
  readonly origin: Origin;
  /** Job parts that ride with a page: the progress it proves. */
  readonly progress?: (proven: string | null) => Pick<Job, "slices" | "tasks">;
  /** Sees each page once it is durable. */
  readonly onPage?: (page: TicketPage) => Promise<void> | void;
}

/** What reading a window came to. */
export interface ReadingResult {
  readonly events: number;
  /** Windows that could not be read; each is recorded and will be tried again. */
  readonly holes: readonly Window[];
}

/** Ids of the tickets that a page showed, whether their rows could be used or not. */
export function shownIds({ rows, rejected }: TicketPage): readonly string[] {
  const broken = rejected.flatMap(({ ticketId }) => (ticketId === null ? [] : [ticketId]));
  return [...rows.map(({ ticket }) => ticket.ticket_id), ...broken];
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
  const holes: Window[] = [];
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
      const hole = endedHole(step.hole, deps.wallClock, asker.sourceNowMs());
      holes.push(hole.window);
      await send({
        origin: reading.origin,
        ...recordsOfHole(publisher.holes, settings.system, hole, deps.nowMs()),
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
    holes.push(...confirmed.holes);
  }
  return { events, holes };
}

function letterOfRow(
  system: string,
  { ticketId, detail, raw }: RejectedRow,
  nowMs: number,
): DeadLetter {
  return deadLetter(
    system,
    { reason: "InvalidResponse", detail, stage: "source-row", key: ticketId, raw },
    nowMs,
  );
}
