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
import { openFileCache, openObjectStore, Table } from "@thulium-stream/lake";
import { createParquetjsEncoder } from "@thulium-stream/lake/parquetjs";
import { mergeTable, stateTables } from "@thulium-stream/lake-writer";
import { newId, systemClock } from "@thulium-stream/runtime";

const tickets = 1_000_000;
const months = 24;
const dayMs = 86_400_000;
const lifeMs = months * 30.4 * dayMs;
const nowMs = Date.UTC(2026, 10, 24, 16);
const batchRows = 2_000;
/** Office hours of the day that is measured, and changes in each of their seconds. */
const hours = 8;
const changesADay = hours * 3_600;

/** How old the tickets are that people change: share of the changes, and the age's bounds in days. The last one reaches over all months. */
const ages: readonly (readonly [share: number, fromDays: number, toDays: number])[] = [
  [0.7, 0, 3],
  [0.2, 3, 14],
  [0.08, 14, 60],
  [0.015, 60, 180],
  [0.005, 180, months * 30.4],
];

const words = "zamówienie paczka faktura zwrot reklamacja płatność konto adres dostawa rabat".split(
  " ",
);

/**
 * Bytes that merges write for a day's changes of a live desk, against the bytes of the changed rows: `npm run bench -- merge-amplification`. 1 million tickets over 24 months, one change a second in
 * office hours, merged every hour; whose tickets change is drawn by age, as {@link ages} tells.
 */
export async function mergeAmplification(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "merge-amplification-"));
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
    const append = async (numbers: readonly number[], version: number) => {
      for (let at = 0; at < numbers.length; at += batchRows)
        await writer.append(
          numbers.slice(at, at + batchRows).map((n) => stateOf(n, version, draw)),
        );
    };
    const [spec] = stateTables;
    const { signal } = new AbortController();
    await append(
      Array.from({ length: tickets }, (_, n) => n),
      1,
    );
    const filledMs = systemClock.now();
    const first = await mergeTable(deps, spec, { signal });
    const fillS = (systemClock.now() - filledMs) / 1000;
    const bytesPerRow = first.bytesWritten / tickets;
    const days: string[] = [];
    for (const merges of [hours, 2, 1]) {
      let [written, files] = [0, 0];
      const startedMs = systemClock.now();
      for (let at = 0; at < merges; at += 1) {
        const numbers = Array.from({ length: changesADay / merges }, () => changedTicket(draw));
        await append(numbers, merges + at);
        const merged = await mergeTable(deps, spec, { signal });
        written += merged.bytesWritten;
        files += merged.filesWritten;
      }
      const mergeS = (systemClock.now() - startedMs) / 1000 / merges;
      const ratio = written / (changesADay * bytesPerRow);
      days.push(
        `${merges} merges a day: ${files} files and ${mb(written)} written, ${mergeS.toFixed(1)} s a merge; bytes rewritten ÷ bytes of changed rows: ${ratio.toFixed(1)} (bar: 40)`,
      );
    }
    const table = await Table.open({ store, table: spec.table, clock: systemClock, newId });
    const live = await table.liveFiles();
    await log.close();
    await store[Symbol.asyncDispose]();
    return [
      `${tickets.toLocaleString("en")} tickets over ${months} months: ${live.length} files, ${mb(first.bytesWritten)} (${Math.round(bytesPerRow)} bytes a row), first merge ${Math.round(fillS)} s`,
      `a day's changes: ${changesADay.toLocaleString("en")}`,
      ...days,
      `age of the changed tickets: ${ages.map(([share, from, to]) => `${(share * 100).toFixed(1)} % ${from}–${Math.round(to)} days`).join(", ")}`,
    ].join("\n");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ticket numbers grow with the time of their creation. */
function changedTicket(draw: () => number): number {
  let left = draw();
  const [, from, to] = ages.find(([share]) => {
    left -= share;
    return left < 0;
  }) ?? [0, 0, 3];
  const ageDays = from + draw() * (to - from);
  return Math.max(0, Math.floor(tickets * (1 - (ageDays * dayMs) / lifeMs)) - 1);
}

function stateOf(n: number, version: number, draw: () => number): NewRecord {
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

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
