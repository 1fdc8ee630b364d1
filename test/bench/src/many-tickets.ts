import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type EventLog,
  instantOf,
  type LogWriter,
  type NewRecord,
  type ObservedTicket,
  type PageRequest,
  silentLogger,
  type TicketPage,
  type TicketSource,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { Extractor, TicketIndex } from "@thulium-stream/extractor";
import { makeMessage, makeObserved } from "@thulium-stream/kit";
import { newId, random, systemClock } from "@thulium-stream/runtime";
import { createWallClock } from "@thulium-stream/thulium-api";
import { system, zone } from "./desk.ts";

const wallClock = createWallClock(zone);
const fiveYearsMs = 5 * 365 * 86_400_000;
const common = { clock: systemClock, logger: silentLogger, newId };

/**
 * A help desk of very many tickets, listed once: size of the index and memory. The log keeps the extractor's state and drops tickets and events, whose
 * size is not what is measured. `BENCH_TICKETS`, default 2,000,000.
 */
export async function manyTickets(): Promise<string> {
  const tickets = Number(process.env["BENCH_TICKETS"] ?? 2_000_000);
  const folder = mkdtempSync(join(tmpdir(), "many-tickets-"));
  const inner = await openEmbeddedLog({ folder: join(folder, "log"), ...common });
  await inner.ensureTopics(topics);
  const index = TicketIndex.open(join(folder, "index"), system, { closedStatuses: ["Zamknięte"] });
  const source = new EndlessSource(tickets);
  const extractor = await Extractor.open(
    { source, log: dropping(inner), index, random, ...common },
    { system, zone, requestsPerSecond: 100_000 },
  );
  let peakKiB = 0;
  const watch = setInterval(() => {
    peakKiB = Math.max(peakKiB, anonymousKiB());
  }, 250);
  const startedMs = systemClock.now();
  const { tickets: held } = await extractor.catchUp(new AbortController().signal);
  const firstS = (systemClock.now() - startedMs) / 1000;
  await extractor.catchUp(new AbortController().signal);
  const againS = (systemClock.now() - startedMs) / 1000 - firstS;
  clearInterval(watch);
  await extractor.close();
  const bytes = statSync(join(folder, "index", `${system}.mdb`)).size;
  await inner.close();
  rmSync(folder, { recursive: true, force: true });
  return [
    "| tickets held | index on disk | memory without mapped pages, peak | first listing | complete listing, all unchanged |",
    "| --- | --- | --- | --- | --- |",
    `| ${held} | ${Math.round(bytes / held)} bytes a ticket | ${Math.round(peakKiB / 1024)} MiB | ${Math.round(firstS)} s | ${Math.round(againS)} s |`,
  ].join("\n");
}

function anonymousKiB(): number {
  return Number(/RssAnon:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0);
}

/** The log without tickets, messages and events. */
function dropping(log: EventLog): EventLog {
  const keeps = ({ topic }: NewRecord) => topic === "extractor-state" || topic === "dead-letters";
  return {
    ensureTopics: (specs) => log.ensureTopics(specs),
    ends: (topic) => log.ends(topic),
    positionsAt: (topic, atMs) => log.positionsAt(topic, atMs),
    purge: (before) => log.purge(before),
    openReader: (options) => log.openReader(options),
    openWriter: async (writerId): Promise<LogWriter> => {
      const writer = await log.openWriter(writerId);
      return { append: (batch) => writer.append(batch.filter(keeps)), close: () => writer.close() };
    },
    close: () => log.close(),
  };
}

/** Tickets made from their number, spread evenly over five years; nothing changes. */
class EndlessSource implements TicketSource {
  readonly #count: number;
  readonly #oldestMs: number;
  readonly #stepMs: number;
  #sequence = 0;

  constructor(count: number) {
    this.#count = count;
    this.#oldestMs = Math.floor((systemClock.now() - fiveYearsMs - 86_400_000) / 60_000) * 60_000;
    this.#stepMs = fiveYearsMs / count;
  }

  async listTickets(request: PageRequest): Promise<TicketPage> {
    this.#sequence += 1;
    const bounds = (request.orderBy === "create_date" ? request.created : request.updated) ?? {
      from: null,
      to: null,
    };
    const first = bounds.from === null ? 0 : this.#firstFrom(bounds.from);
    const end = bounds.to === null ? this.#count : this.#firstFrom(`${bounds.to}:59`);
    const count = Math.max(0, end - first);
    const rows: ObservedTicket[] = [];
    for (
      let n = first + request.offset;
      n < Math.min(end, first + request.offset + request.limit);
      n += 1
    )
      rows.push(this.#ticket(n));
    await new Promise((resolve) => setImmediate(resolve));
    const now = instantOf(systemClock.now());
    return {
      request,
      sequence: this.#sequence,
      answeredBefore: this.#sequence + 1,
      rows,
      rejected: [],
      received: rows.length,
      lastOrderMinute: rows.at(-1)?.ticket.created_at_raw?.slice(0, 16) ?? null,
      count,
      sourceDate: now,
      requestedAt: now,
      bytes: 0,
      unknownFields: [],
    };
  }

  async ticketExists(): Promise<boolean> {
    return true;
  }

  async close(): Promise<void> {}

  /** Number of the first ticket whose text is not smaller. */
  #firstFrom(text: string): number {
    let [low, high] = [0, this.#count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (wallClock.toText(this.#atMs(middle)) < text) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #atMs(n: number): number {
    return this.#oldestMs + Math.floor((n * this.#stepMs) / 60_000) * 60_000;
  }

  #ticket(n: number): ObservedTicket {
    const atMs = this.#atMs(n);
    const raw = wallClock.toText(atMs).slice(0, 16);
    const id = String(1_000_000 + n);
    const at = instantOf(atMs);
    const closed = n % 20 === 0 ? {} : { status_id: "4", full_status_name: "Zamknięte" };
    const messages = [0, 1].map((part) =>
      makeMessage({
        system,
        ticket_id: id,
        message_id: `${n * 2 + part}`,
        created_at: at,
        created_at_raw: raw,
      }),
    );
    const stamps = { created_at: at, created_at_raw: raw, updated_at: at, updated_at_raw: raw };
    return makeObserved(
      { system, ticket_id: id, subject: `Zamówienie ${n}`, ...stamps, ...closed },
      messages,
    );
  }
}
