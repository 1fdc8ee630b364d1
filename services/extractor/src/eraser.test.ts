import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Command,
  type DeadLetter,
  type ErasureSubject,
  type EventLog,
  encodeJson,
  Failure,
  instantOf,
  type LogRecord,
  silentLogger,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { holding, ScriptedSource, seededRandom, VirtualClock } from "@thulium-stream/kit";
import { batchesToEnd } from "@thulium-stream/runtime";
import { createWallClock } from "@thulium-stream/thulium-api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deadLetter } from "./dead-letter.ts";
import { Extractor } from "./extractor.ts";
import { readExtractorState } from "./extractor-state.ts";
import { TicketIndex } from "./ticket-index.ts";

const warsaw = createWallClock("Europe/Warsaw");
const never = new AbortController().signal;
const hourMs = 3_600_000;
/** The erased customer, and what nobody may find of them afterwards. */
const gone = { customer_id: "990077", from: "ewa.nowak@example.pl", subject: "Sprawa poufna" };
const body = "Mój numer konta to 42";

let folder: string;
let clock: VirtualClock;
let source: ScriptedSource;
let log: EventLog;
let ids = 0;
const newId = () => {
  ids += 1;
  return `id-${ids}`;
};

beforeEach(() => begin());
afterEach(() => end());

async function begin(): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), "eraser-"));
  clock = new VirtualClock("2026-11-23T12:00:00.000Z");
  source = new ScriptedSource(clock, seededRandom(7));
  log = await openEmbeddedLog({
    folder: join(folder, "log"),
    clock,
    logger: silentLogger,
    newId,
  });
  await log.ensureTopics(topics);
  // Every fifth ticket is of the customer who will be erased.
  for (let n = 0; n < 30; n += 1) put(n, n % 5 === 0 ? gone : {});
}

async function end(): Promise<void> {
  await log.close();
  rmSync(folder, { recursive: true, force: true });
}

function put(n: number, fields: object = {}): void {
  const atMs = clock.now() - (n + 1) * hourMs;
  const raw = warsaw.toText(atMs);
  source.put(
    {
      ticket_id: String(5000 + n),
      created_at_raw: raw,
      updated_at_raw: raw,
      created_at: instantOf(atMs),
      updated_at: instantOf(atMs),
      ...fields,
    },
    [{ message_id: `${n}-1`, ...("from" in fields ? { body } : {}) }],
  );
}

/** Gives a ticket the present minute, so that a sweep shows it. */
function touch(id: string, fields: object = {}): void {
  const raw = warsaw.toText(clock.now());
  const at = instantOf(clock.now() - (clock.now() % 60_000));
  const created = source.tickets.has(id) ? {} : { created_at_raw: raw, created_at: at };
  source.put({ ticket_id: id, ...created, updated_at_raw: raw, updated_at: at, ...fields });
}

function open(overLog: EventLog = log): Promise<Extractor> {
  const deps = {
    source,
    log: holding(overLog, clock),
    index: TicketIndex.open(join(folder, "index"), "acme", { closedStatuses: ["Zamknięte"] }),
    clock,
    logger: silentLogger,
    random: () => 0.5,
    newId,
  };
  const own = { system: "acme", zone: "Europe/Warsaw", pageSize: 10, sliceTickets: 40 };
  return Extractor.open(deps, { ...own, requestsPerSecond: 1000 });
}

async function withExtractor<T>(work: (extractor: Extractor) => Promise<T>): Promise<T> {
  const extractor = await open();
  try {
    return await work(extractor);
  } finally {
    await extractor.close();
  }
}
const catchUp = () => withExtractor((extractor) => extractor.catchUp(never));
const carryOut = () =>
  withExtractor(async (extractor) => {
    await extractor.erase(never);
    return extractor.status().counts;
  });

async function ask(subject: ErasureSubject, id: string): Promise<void> {
  const { erasures } = await readExtractorState(log, "acme");
  const command: Command = {
    command: "erase",
    system: "acme",
    erasure_id: newId(),
    subject,
    subject_hash: erasures.list.hashOf(subject, id),
    requested_at: instantOf(clock.now()),
  };
  const writer = await log.openWriter(`commands.${newId()}`);
  await writer.append([{ topic: "commands", key: "acme", value: encodeJson(command) }]);
  await writer.close();
}

async function recordsOf(topic: string): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const batch of batchesToEnd(log, topic)) records.push(...batch.records);
  return records;
}

const textOf = ({ key, value, headers }: LogRecord) =>
  `${key} ${JSON.stringify(headers)} ${Buffer.from(value ?? []).toString()}`;
const erasures = async () => (await readExtractorState(log, "acme")).erasures;
const theErasure = async () => [...(await erasures()).states.values()][0];
const heldIds = async () => {
  const held = new Set<string>();
  for (const { key, value } of await recordsOf("tickets"))
    if (value === null) held.delete(key ?? "");
    else held.add(key ?? "");
  return [...held].map((key) => key.split(":")[1] ?? "").sort();
};
const ofCustomer = (customerId: string | null) =>
  [...source.tickets.values()]
    .filter(({ ticket }) => (ticket.customer_id === gone.customer_id) === (customerId !== null))
    .map(({ ticket }) => ticket.ticket_id)
    .sort();
const erasedIds = () => ofCustomer(gone.customer_id);
const otherIds = () => ofCustomer(null);

/** Everything that can hold current state says nothing of the customer, their tickets and texts. */
async function expectNothingLeft(ticketIds: readonly string[]): Promise<void> {
  for (const topic of ["tickets", "messages", "dead-letters", "commands", "extractor-state"])
    for (const record of await recordsOf(topic)) {
      const text = textOf(record);
      if (record.value === null) continue;
      for (const word of [gone.customer_id, gone.from, gone.subject, body, ...ticketIds])
        expect(text.includes(word), `${topic}: ${word} in ${text}`).toBe(false);
    }
  const index = TicketIndex.open(join(folder, "index"), "acme", { closedStatuses: ["Zamknięte"] });
  const held = index.heldAfter("", 1000).map(({ ticket_id }) => ticket_id);
  await index.close();
  expect(held.filter((id) => ticketIds.includes(id))).toEqual([]);
}

describe("an erasure", () => {
  it("removes every ticket of a customer from the current state, tells it by hashes alone, and leaves the others as they were", async () => {
    await catchUp();
    const before = (await recordsOf("ticket-events")).length;
    await ask("customer", gone.customer_id);
    await carryOut();
    expect(await heldIds()).toEqual(otherIds());
    await expectNothingLeft(erasedIds());
    expect(await theErasure()).toMatchObject({ state: "erased", tickets: 6, messages: 6 });
    const news = (await recordsOf("ticket-events")).filter(
      ({ headers }) => headers["ce_type"] === "thulium.ticket.erased",
    );
    expect(news).toHaveLength(6);
    expect(await recordsOf("ticket-events")).toHaveLength(before + 6);
    for (const record of news)
      for (const id of [gone.customer_id, ...erasedIds()]) expect(textOf(record)).not.toContain(id);
  });

  it("lies behind the last event of its ticket in the same partition", async () => {
    await catchUp();
    await ask("ticket", "5003");
    await carryOut();
    const events = await recordsOf("ticket-events");
    const created = events.find(({ key }) => key === "acme:5003");
    const erased = events.find(({ headers }) => headers["ce_type"] === "thulium.ticket.erased");
    expect(erased?.partition).toBe(created?.partition);
    expect(erased?.position).toBeGreaterThan(created?.position ?? 0);
  });

  it("is not undone by any later reading: complete listings, sweeps, and new tickets of the customer", async () => {
    await catchUp();
    await ask("customer", gone.customer_id);
    await carryOut();
    const before = (await recordsOf("message-events")).length;
    touch("5005", { subject: "noch einmal" });
    touch("7000", gone);
    const again = await catchUp();
    expect(again).toMatchObject({ tickets: 24, ticketEvents: 0, messageEvents: 0, deleted: 0 });
    expect(await recordsOf("message-events")).toHaveLength(before);
    const { counts, census } = await withExtractor(async (extractor) => {
      await extractor.catchUp(never);
      return extractor.status();
    });
    expect(counts.dropped).toBeGreaterThanOrEqual(6);
    expect((await theErasure())?.ticket_hashes).toHaveLength(7);
    expect(census?.missing ?? 0).toBe(0);
    await expectNothingLeft(erasedIds());
  });

  it("takes a held ticket that is given to the customer later, and a ticket of theirs stays erased when it is given to another", async () => {
    await catchUp();
    await ask("customer", gone.customer_id);
    await carryOut();
    touch("5001", { customer_id: gone.customer_id });
    touch("5000", { customer_id: "1" });
    await catchUp();
    await carryOut();
    expect(await theErasure()).toMatchObject({ state: "erased", tickets: 7, revision: 2 });
    expect(await heldIds()).toEqual(otherIds().filter((id) => id !== "5000"));
  });

  it("of something that is not held forbids it for the future, and the same again is one erasure", async () => {
    await catchUp();
    await ask("ticket", "8000");
    await carryOut();
    touch("8000");
    await catchUp();
    expect(await heldIds()).not.toContain("8000");
    await ask("ticket", "8000");
    await carryOut();
    expect((await erasures()).states.size).toBe(1);
    expect(await theErasure()).toMatchObject({ state: "erased", tickets: 0, revision: 2 });
  });

  it("removes dead letters that name it, and keeps the newest record of every other letter", async () => {
    await catchUp();
    const letter = (key: string | null, raw: string): DeadLetter =>
      deadLetter("acme", { reason: "X", detail: "", stage: "source-row", key, raw }, clock.now());
    const other = letter("5001", '{"ticket_id":5001,"broken":');
    const worked = letter("5002", '{"ticket_id":5002}');
    const coded = Buffer.from(`{"customer_id":"${gone.customer_id}","x":"\xff"}`, "latin1");
    const letters = [
      worked,
      other,
      letter(null, `[{"customer_id": ${gone.customer_id}, "from":"${gone.from}"`),
      { ...worked, attempts: 2 },
      letter("5005", `{"ticket_id":"5005","subject":"${gone.subject}`),
      letter(null, `base64:${coded.toString("base64")}`),
      { ...letter(null, `{"customer_id":${gone.customer_id}}`), system: "umbrella" },
      { ...other, state: "dropped" as const },
    ];
    const writer = await log.openWriter("letters");
    for (const one of letters)
      await writer.append([
        { topic: "dead-letters", key: one.key ?? one.letter_id, value: encodeJson(one) },
      ]);
    await writer.close();
    await ask("customer", gone.customer_id);
    await carryOut();
    const left = (await recordsOf("dead-letters")).map(
      ({ value }) => JSON.parse(Buffer.from(value ?? []).toString()) as DeadLetter,
    );
    const newest = new Map(left.map((one) => [one.letter_id, one.attempts]));
    expect(newest.get(worked.letter_id)).toBe(2);
    // An older record behind it would open the letter again.
    expect(left.findLast((one) => one.letter_id === other.letter_id)?.state).toBe("dropped");
    expect(newest.get(other.letter_id)).toBe(1);
    expect(left.filter(({ system }) => system === "umbrella")).toHaveLength(1);
    expect(newest.size).toBe(3);
    expect(await theErasure()).toMatchObject({ dead_letters: 3, dead_letters_left: null });
  });

  it("says that dead letters wait for their retention where the log may not be cut", async () => {
    await catchUp();
    const one = deadLetter(
      "acme",
      { reason: "X", detail: "", stage: "source-row", key: "5005", raw: "{}" },
      clock.now(),
    );
    const writer = await log.openWriter("letters");
    await writer.append([{ topic: "dead-letters", key: "5005", value: encodeJson(one) }]);
    await writer.close();
    await ask("ticket", "5005");
    const uncut: EventLog = {
      ensureTopics: (specs) => log.ensureTopics(specs),
      openReader: (options) => log.openReader(options),
      openWriter: (id) => log.openWriter(id),
      ends: (topic) => log.ends(topic),
      positionsAt: (topic, atMs) => log.positionsAt(topic, atMs),
      close: async () => {},
      purge: async (before) => {
        if (before.some(({ topic }) => topic === "dead-letters"))
          throw new Failure("Forbidden", "no ACL");
      },
    };
    const extractor = await open(uncut);
    await extractor.erase(never);
    await extractor.close();
    expect(await theErasure()).toMatchObject({
      state: "erased",
      dead_letters: 0,
      dead_letters_left: "Forbidden: no ACL",
    });
  });

  it("is complete after a kill before or after any of its appends and purges", async () => {
    let kills = 0;
    for (let isOver = false; !isOver; ) {
      await end();
      await begin();
      await catchUp();
      await ask("customer", gone.customer_id);
      const dying = new DyingLog(log, Math.floor(kills / 2), kills % 2 === 0 ? "before" : "after");
      const extractor = await open(dying.log).catch(() => null);
      await extractor?.erase(dying.signal).catch(() => {});
      await extractor?.close().catch(() => {});
      isOver = !dying.isDead;
      kills += 1;
      await carryOut();
      expect(await heldIds(), `kill ${kills}`).toEqual(otherIds());
      expect(await theErasure()).toMatchObject({ state: "erased", tickets: 6, messages: 6 });
      await expectNothingLeft(erasedIds());
    }
    expect(kills).toBeGreaterThan(6);
  });

  it("is taken up again by the next start when it was cut short, without another command", async () => {
    await catchUp();
    await ask("customer", gone.customer_id);
    const dying = new DyingLog(log, 2, "after");
    const extractor = await open(dying.log);
    await extractor.erase(dying.signal).catch(() => {});
    await extractor.close().catch(() => {});
    expect(dying.isDead).toBe(true);
    expect((await theErasure())?.state).toBe("running");
    await carryOut();
    expect(await theErasure()).toMatchObject({ state: "erased", tickets: 6 });
  });
});

/** A log that dies, with everything that uses it, before or after its n-th change of something. */
class DyingLog {
  readonly log: EventLog;
  readonly #stop = new AbortController();
  #left: number;

  constructor(inner: EventLog, changes: number, point: "before" | "after") {
    this.#left = changes;
    const step = async <T>(work: () => Promise<T>): Promise<T> => {
      const isLast = this.#left === 0;
      this.#left -= 1;
      if (this.isDead || (isLast && point === "before")) throw this.#die();
      const result = await work();
      if (isLast) throw this.#die();
      return result;
    };
    this.log = {
      ensureTopics: (specs) => inner.ensureTopics(specs),
      openReader: (options) => inner.openReader(options),
      ends: (topic) => inner.ends(topic),
      positionsAt: (topic, atMs) => inner.positionsAt(topic, atMs),
      purge: (before) => step(() => inner.purge(before)),
      close: async () => {},
      openWriter: async (id) => {
        const writer = await inner.openWriter(id);
        return {
          append: (batch) => step(() => writer.append(batch)),
          close: () => writer.close(),
        };
      },
    };
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get isDead(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Cancelled is never tried again: as good as the end of the process. */
  #die(): Failure {
    this.#stop.abort();
    return new Failure("Cancelled", "killed");
  }
}
