import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type EventLog, Failure, type TicketSource } from "@thulium-stream/contracts";
import type { Extractor } from "@thulium-stream/extractor";
import { openExtractor } from "@thulium-stream/extractor/main";
import { openLakeWriter } from "@thulium-stream/lake-writer/main";
import { openEngine } from "@thulium-stream/metrics/main";
import type { Lifetime } from "@thulium-stream/runtime";
import { openEncoders, openLakeStore } from "../assembly/open-lake.ts";
import type { ProcessContext } from "../process-context.ts";

/** The extractor of a log that nobody works on; the help desk is not asked for anything. */
export function openIdleExtractor(
  { settings, clock, logger }: ProcessContext,
  log: EventLog,
  life: Lifetime,
): Promise<Extractor> {
  return openExtractor(settings, { source: noSource, log, clock, logger }, life);
}

/** Does the part of the other services on a log that nobody works on: tables and snapshots, then the metrics. */
export async function eraseCopies(
  { settings, clock, logger }: ProcessContext,
  log: EventLog,
  life: Lifetime,
  signal: AbortSignal,
): Promise<void> {
  const store = await openLakeStore(settings, clock, logger, life);
  const encoders = await openEncoders(settings, life);
  const writer = await openLakeWriter(settings, { log, store, clock, logger, ...encoders }, life);
  await writer.flushUntil(signal);
  await writer.erase(signal);
  await rm(join(settings.STATE_DIR, "lake-cache"), { recursive: true, force: true });
  const engine = await openEngine(settings, { log, clock, logger }, life);
  await engine.catchUp(signal);
}

const refuse = () => Promise.reject(new Failure("Invariant", "an erasure asks the source nothing"));
const noSource: TicketSource = {
  listTickets: refuse,
  ticketExists: refuse,
  close: async () => {},
};
