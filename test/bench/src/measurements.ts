import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type EventLog,
  type ParquetEncoder,
  silentLogger,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { Extractor, TicketIndex } from "@thulium-stream/extractor";
import { openFileCache, openObjectStore } from "@thulium-stream/lake";
import { createDuckdbEncoder } from "@thulium-stream/lake/duckdb";
import { createParquetjsEncoder } from "@thulium-stream/lake/parquetjs";
import { LakeWriter } from "@thulium-stream/lake-writer";
import { MetricsEngine } from "@thulium-stream/metrics";
import { newId, random, systemClock } from "@thulium-stream/runtime";
import { createSandbox, serveSandbox } from "@thulium-stream/sandbox";
import { createThuliumSource } from "@thulium-stream/thulium-api";

/** What one measurement found. */
export interface Measured {
  /** What was counted: tickets, events. */
  readonly unit: string;
  readonly count: number;
  readonly seconds: number;
}

const never = new AbortController().signal;
const common = { clock: systemClock, logger: silentLogger, newId };

/** Runs one measurement by name in a folder of its own. */
export async function measure(name: string): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  try {
    if (name === "sandbox-to-log") return await sandboxToLog(folder, 10_000);
    if (name === "log-to-parquet-duckdb") return await logToParquet(folder, 10_000, "duckdb");
    if (name === "log-to-parquet-parquetjs-lite")
      return await logToParquet(folder, 2_000, "parquetjs-lite");
    if (name === "log-to-metrics") return await logToMetrics(folder, 10_000);
    throw new Error(`unknown measurement ${name}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Sandbox over HTTP on loopback, through client, diff and append, into the embedded log: all in this process. */
async function sandboxToLog(folder: string, tickets: number): Promise<Measured> {
  const log = await openLog(folder);
  const startedMs = systemClock.now();
  const held = await fill(log, folder, tickets);
  const seconds = (systemClock.now() - startedMs) / 1000;
  await log.close();
  return { unit: "tickets", count: held, seconds };
}

async function logToParquet(
  folder: string,
  tickets: number,
  encoder: ParquetEncoder["name"],
): Promise<Measured> {
  const log = await openLog(folder);
  await fill(log, folder, tickets);
  const store = await openObjectStore({ url: `file:${folder}/lake`, ...common });
  const tempFolder = join(folder, "temp");
  const parquetjs = createParquetjsEncoder({ newId });
  const duckdb = encoder === "duckdb" ? await createDuckdbEncoder({ tempFolder, newId }) : null;
  const limits = { flushIntervalMs: 60_000, flushRows: 50_000, flushBytes: 64 * 1024 * 1024 };
  const writer = new LakeWriter(
    {
      log,
      store,
      encoders: { parquetjs, duckdb },
      encoderSetting: encoder,
      tempFolder,
      limits,
      cache: openFileCache({
        url: `file:${folder}/lake`,
        store,
        folder: `${folder}/cache`,
        ...common,
      }),
      deadLetter: async () => {},
      ...common,
    },
    { system: "acme", zone: "Europe/Warsaw", snapshotSchedule: "off", mergeIntervalMs: 3_600_000 },
  );
  const startedMs = systemClock.now();
  const { rows } = await writer.flushUntil(never);
  const seconds = (systemClock.now() - startedMs) / 1000;
  await duckdb?.close();
  await log.close();
  return { unit: "events", count: rows, seconds };
}

async function logToMetrics(folder: string, tickets: number): Promise<Measured> {
  const log = await openLog(folder);
  await fill(log, folder, tickets);
  const engine = await MetricsEngine.open(
    { log, folder: join(folder, "metrics"), ...common },
    {
      system: "acme",
      zone: "Europe/Warsaw",
      closedStatuses: ["Zamknięte", "Połączone"],
      automaticLogins: [],
      businessHours: "Mon-Fri 08:00-16:00",
      holidays: "PL",
    },
  );
  const startedMs = systemClock.now();
  await engine.catchUp(never);
  const seconds = (systemClock.now() - startedMs) / 1000;
  const { events } = engine.freshness();
  await engine.close();
  await log.close();
  return { unit: "events", count: events, seconds };
}

async function openLog(folder: string): Promise<EventLog> {
  const log = await openEmbeddedLog({ folder: join(folder, "log"), ...common });
  await log.ensureTopics(topics);
  return log;
}

async function fill(log: EventLog, folder: string, tickets: number): Promise<number> {
  const startMs = Date.parse("2026-11-23T09:00:00.000Z");
  const sandbox = createSandbox({ tickets, startMs, standStill: true });
  const server = await serveSandbox({ sandbox, ...common });
  const source = createThuliumSource({
    url: server.url,
    system: "acme",
    user: "sandbox",
    password: "sandbox",
    zone: "Europe/Warsaw",
    ...common,
  });
  const extractor = await Extractor.open(
    {
      source,
      log,
      index: TicketIndex.open(join(folder, "index"), "sandbox", { closedStatuses: ["Zamknięte"] }),
      random,
      ...common,
    },
    { system: "acme", zone: "Europe/Warsaw", requestsPerSecond: 10_000 },
  );
  const { tickets: held } = await extractor.catchUp(never);
  await extractor.close();
  await source.close();
  await server.close();
  return held;
}
