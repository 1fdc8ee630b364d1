import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createdMonthHeader,
  encodeJson,
  headerNames,
  instantOf,
  type NewRecord,
  silentLogger,
  ticketKey,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { makeTicket } from "@thulium-stream/kit";
import { type LiveFile, openFileCache, openObjectStore, Table } from "@thulium-stream/lake";
import { createParquetjsEncoder } from "@thulium-stream/lake/parquetjs";
import type { MergeDeps } from "@thulium-stream/lake-writer";
import { newId, systemClock } from "@thulium-stream/runtime";

/** Months over which the tickets were created. */
export const deskMonths = 24;
const dayMs = 86_400_000;
const lifeMs = deskMonths * 30.4 * dayMs;
const nowMs = Date.UTC(2026, 10, 24, 16);
const batchRows = 2_000;

/** How old the tickets are that people change: share of the changes, and the age's bounds in days. The last one reaches over all months. */
export const deskAges: readonly (readonly [share: number, fromDays: number, toDays: number])[] = [
  [0.7, 0, 3],
  [0.2, 3, 14],
  [0.08, 14, 60],
  [0.015, 60, 180],
  [0.005, 180, deskMonths * 30.4],
];

const words = "zamówienie paczka faktura zwrot reklamacja płatność konto adres dostawa rabat".split(
  " ",
);

/** A desk's tickets as the topic `tickets` and its table hold them, the same in every run. */
export interface LakeDesk {
  readonly deps: MergeDeps;
  /** Appends states of all tickets. */
  fill(): Promise<void>;
  /** Appends new states of so many tickets, drawn by age as {@link deskAges} tells. */
  change(tickets: number): Promise<void>;
  /** The live files of the table, where they lie. */
  files(): Promise<readonly (LiveFile & { readonly path: string })[]>;
}

/** Opens a desk of so many tickets over {@link deskMonths} months on the embedded pair in a temporary folder, and closes it after `work`. */
export async function withLakeDesk<T>(
  tickets: number,
  work: (desk: LakeDesk) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "lake-desk-"));
  const draw = drawsFrom(20261124);
  const common = { clock: systemClock, logger: silentLogger, newId };
  try {
    const log = await openEmbeddedLog({ folder: join(folder, "log"), ...common });
    await log.ensureTopics(topics);
    const url = `file:${folder}/lake`;
    const store = await openObjectStore({ url, ...common });
    const deps = {
      ...common,
      log,
      store,
      cache: openFileCache({ url, store, folder: join(folder, "cache"), ...common }),
      encoders: { parquetjs: createParquetjsEncoder({ newId }), duckdb: null },
      encoderSetting: "auto" as const,
      tempFolder: join(folder, "temp"),
      limits: { flushIntervalMs: 60_000, flushRows: 50_000, flushBytes: 64 * 1024 ** 2 },
      deadLetter: async () => {},
    };
    const writer = await log.openWriter("bench");
    let version = 0;
    const append = async (numbers: readonly number[]) => {
      version += 1;
      for (let at = 0; at < numbers.length; at += batchRows)
        await writer.append(
          numbers.slice(at, at + batchRows).map((n) => stateOf(n, { tickets, version, draw })),
        );
    };
    const done = await work({
      deps,
      fill: () => append(Array.from({ length: tickets }, (_, n) => n)),
      change: (count) => append(Array.from({ length: count }, () => changedTicket(tickets, draw))),
      files: async () => {
        const table = await Table.open({ ...common, store, table: "tickets" });
        const live = await table.liveFiles();
        return live.map((file) => ({ ...file, path: join(folder, "lake", file.key) }));
      },
    });
    await log.close();
    await store[Symbol.asyncDispose]();
    return done;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ticket numbers grow with the time of their creation. */
function changedTicket(tickets: number, draw: () => number): number {
  let left = draw();
  const [, from, to] = deskAges.find(([share]) => {
    left -= share;
    return left < 0;
  }) ?? [0, 0, 3];
  const ageDays = from + draw() * (to - from);
  return Math.max(0, Math.floor(tickets * (1 - (ageDays * dayMs) / lifeMs)) - 1);
}

function stateOf(
  n: number,
  { tickets, version, draw }: { tickets: number; version: number; draw: () => number },
): NewRecord {
  const createdAt = instantOf(nowMs - lifeMs + (n / tickets) * lifeMs);
  const word = () => words[Math.floor(draw() * words.length)] ?? "";
  const id = String(100_000 + n);
  const state = {
    ...makeTicket({
      ticket_id: id,
      subject: `${word()} ${word()} nr ${Math.floor(draw() * 1e6)}`,
      from: `klient${Math.floor(draw() * 300_000)}@example.pl`,
      customer_id: String(Math.floor(draw() * 300_000)),
      user_login: `agent${Math.floor(draw() * 40)}`,
      ticket_queue_id: String(1 + Math.floor(draw() * 8)),
      created_at: createdAt,
      updated_at: instantOf(Date.parse(createdAt) + Math.floor(draw() * 9e8)),
    }),
    version,
    content_hash: newId(),
    last_event_id: newId(),
    observed_at: createdAt,
    listed: true,
  };
  return {
    topic: "tickets",
    key: ticketKey("acme", id),
    value: encodeJson(state),
    headers: { [headerNames.append]: "1", ...createdMonthHeader(createdAt) },
  };
}

/** The same numbers in every run (mulberry32). */
function drawsFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
