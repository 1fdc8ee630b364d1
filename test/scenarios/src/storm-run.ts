import {
  type ChangeEvent,
  type EventLog,
  recordOfEvent,
  type TicketEvent,
} from "@thulium-stream/contracts";
import { makeTicket } from "@thulium-stream/kit";
import { systemClock } from "@thulium-stream/runtime";
import { subscribe } from "@thulium-stream/subscriber";

/** What a storm is made of. */
export interface StormOptions {
  /** A handle of its own for each member, on the same topics, which exist. */
  readonly openLog: () => Promise<EventLog>;
  /** A member joins or leaves so often. */
  readonly everyMs: number;
  readonly forMs: number;
  /** Members that are there most of the time. */
  readonly members: number;
  readonly tickets: number;
  readonly eventsPerSecond: number;
}

/** What was seen of it. */
export interface Storm {
  readonly events: number;
  readonly deliveries: number;
  /** Deliveries of an event that had been delivered, and said so. */
  readonly repeats: number;
  readonly changes: number;
  /** One line per event that was lost, out of order, handled by two at once, or repeated without saying so. */
  readonly faults: readonly string[];
}

/** One group through which members come and go while events are published; watches every handler call. */
export async function runStorm(options: StormOptions): Promise<Storm> {
  const watch = new DeliveryWatch();
  const publisher = await publishing(options);
  const members: { stop(): Promise<void> }[] = [];
  const join = async () => {
    const log = await options.openLog();
    const controller = new AbortController();
    const running = subscribe({
      log,
      group: "storm",
      signal: controller.signal,
      on: { "ticket.updated": (event, { redelivered }) => watch.handle(event, redelivered) },
    });
    members.push({
      stop: async () => {
        controller.abort();
        await running;
        await log.close();
      },
    });
  };
  for (let n = 0; n < options.members; n += 1) await join();
  const untilMs = systemClock.now() + options.forMs;
  let changes = 0;
  for (; systemClock.now() < untilMs; changes += 1) {
    await systemClock.sleep(options.everyMs);
    if (changes % 2 === 0) await members.shift()?.stop();
    else await join();
  }
  const published = await publisher.stop();
  const givenUpMs = systemClock.now() + 60_000;
  while (watch.missing(published).length > 0 && systemClock.now() < givenUpMs)
    await systemClock.sleep(100);
  await Promise.all(members.map((member) => member.stop()));
  const events = [...published.values()].reduce((sum, count) => sum + count, 0);
  return {
    ...watch.counts,
    events,
    changes,
    faults: [...watch.faults, ...watch.missing(published)],
  };
}

/** Publishes versions 1, 2, 3 … of each ticket until it is stopped; tells how many of each. */
async function publishing({ openLog, tickets, eventsPerSecond }: StormOptions) {
  const log = await openLog();
  const writer = await log.openWriter("storm");
  const published = new Map<string, number>();
  let isOver = false;
  const work = (async () => {
    for (let turn = 0; !isOver; turn += 1) {
      const batch = Array.from({ length: Math.ceil(eventsPerSecond / 10) }, (_, n) => {
        const ticketId = String(1 + ((turn * 7 + n) % tickets));
        const version = (published.get(ticketId) ?? 0) + 1;
        published.set(ticketId, version);
        return recordOfEvent(eventOf(ticketId, version), turn);
      });
      await writer.append(batch);
      await systemClock.sleep(100);
    }
  })();
  return {
    stop: async () => {
      isOver = true;
      await work;
      await log.close();
      return published;
    },
  };
}

/** Sees every call of every member's handler. */
class DeliveryWatch {
  readonly faults: string[] = [];
  readonly counts = { deliveries: 0, repeats: 0 };
  readonly #newest = new Map<string, number>();
  readonly #busy = new Set<string>();

  async handle({ ticket_id: ticket, version }: ChangeEvent, redelivered: boolean): Promise<void> {
    const newest = this.#newest.get(ticket) ?? 0;
    this.counts.deliveries += 1;
    if (this.#busy.has(ticket)) this.faults.push(`#${ticket}/${version}: two handlers at once`);
    if (version > newest + 1) this.faults.push(`#${ticket}/${version}: came after ${newest}`);
    if (version <= newest) this.counts.repeats += 1;
    if (version <= newest && !redelivered)
      this.faults.push(`#${ticket}/${version}: a repeat that does not say so`);
    this.#newest.set(ticket, Math.max(newest, version));
    this.#busy.add(ticket);
    // Now and then one that takes so long that a rebalance comes in its midst.
    await systemClock.sleep(version % 25 === 0 ? 300 : version % 10);
    this.#busy.delete(ticket);
  }

  /** Tickets whose last events never came. */
  missing(published: ReadonlyMap<string, number>): string[] {
    return [...published].flatMap(([ticket, count]) => {
      const newest = this.#newest.get(ticket) ?? 0;
      return newest === count ? [] : [`#${ticket}: ${newest} of ${count} events came`];
    });
  }
}

function eventOf(ticketId: string, version: number): TicketEvent {
  return {
    ...{ type: "thulium.ticket.updated", id: `${ticketId}v${version}`.padEnd(26, "a") },
    ...{ system: "acme", ticket_id: ticketId, version, previous_event_id: null, origin: "live" },
    ...{ time: "2026-11-23T09:00:00.000Z", observed_at: "2026-11-23T09:00:04.000Z" },
    ...{ time_is_observation: false, source_updated_at: null, source_updated_at_ambiguous: false },
    ...{ kinds: ["status_changed"], changes: [], derived: [] },
    ticket: makeTicket({ ticket_id: ticketId }),
  } as TicketEvent;
}
