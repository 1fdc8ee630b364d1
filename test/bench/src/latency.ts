import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ChangeEvent, decodeJson, silentLogger, topics } from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { Extractor, TicketIndex } from "@thulium-stream/extractor";
import { newId, random, systemClock } from "@thulium-stream/runtime";
import { createSandbox, serveSandbox } from "@thulium-stream/sandbox";
import { createThuliumSource } from "@thulium-stream/thulium-api";
import { system, zone } from "./desk.ts";

const pollIntervalMs = 1_000;
const seconds = 60;
const common = { clock: systemClock, logger: silentLogger, newId };

/** Milliseconds from a change at the source until its event is on the log: quiet, and while everything is backfilled beside it. */
export async function latency(): Promise<string> {
  const lines = [
    `| ${seconds} s, POLL_INTERVAL ${pollIntervalMs / 1000} s | changes a second | requests a second | events | median | p99 | longest |`,
    "| --- | --- | --- | --- | --- | --- | --- |",
  ];
  for (const load of loads) {
    const taken = await delays(load);
    const at = (share: number) =>
      `${Math.round(taken[Math.floor((taken.length - 1) * share)] ?? 0)} ms`;
    lines.push(
      `| ${load.name} | ${load.changesPerSecond} | ${load.requestsPerSecond} | ${taken.length} | ${at(0.5)} | ${at(0.99)} | ${at(1)} |`,
    );
  }
  return lines.join("\n");
}

/** A sweep reads again what changed in the two minutes that are not settled: five changes a second are six or seven pages of it. */
const loads = [
  { name: "live sweeps alone", tickets: 2_000, changesPerSecond: 5, requestsPerSecond: 50 },
  { name: "under a full backfill", tickets: 30_000, changesPerSecond: 1, requestsPerSecond: 5 },
  { name: "under a full backfill", tickets: 60_000, changesPerSecond: 5, requestsPerSecond: 12 },
  {
    name: "under a full backfill, nothing to spare",
    tickets: 30_000,
    changesPerSecond: 5,
    requestsPerSecond: 5,
  },
] as const;

async function delays({
  tickets,
  changesPerSecond,
  requestsPerSecond,
}: (typeof loads)[number]): Promise<readonly number[]> {
  const folder = mkdtempSync(join(tmpdir(), "latency-"));
  const sandbox = createSandbox({ tickets, startMs: systemClock.now(), changesPerHour: 0 });
  const ids = [...sandbox.truth().rows()].map((row) => Number(row["ticket_id"]));
  const server = await serveSandbox({ sandbox, ...common });
  const source = createThuliumSource({
    url: server.url,
    system,
    user: "sandbox",
    password: "sandbox",
    zone,
    ...common,
  });
  const log = await openEmbeddedLog({ folder: join(folder, "log"), ...common });
  await log.ensureTopics(topics);
  const index = TicketIndex.open(join(folder, "index"), system, { closedStatuses: [] });
  const extractor = await Extractor.open(
    { source, log, index, random, ...common },
    { system, zone, pollIntervalMs, requestsPerSecond },
  );
  const stop = new AbortController();
  const running = extractor.run(stop.signal);
  const changedMs = new Map<string, number>();
  const taken: number[] = [];
  const reading = follow(log, changedMs, taken, stop.signal);
  await systemClock.sleep(tickets < 5_000 ? 5_000 : 2_000);
  for (let made = 0; made < seconds * changesPerSecond; made += 1) {
    await systemClock.sleep(1000 / changesPerSecond);
    const ticketId = ids[(made * 7919) % ids.length] ?? 0;
    const subject = `latency ${made}`;
    sandbox.advanceTo(systemClock.now());
    sandbox.mutate({ kind: "subject", ticketId, subject });
    changedMs.set(subject, systemClock.now());
  }
  await systemClock.sleep(5_000);
  stop.abort();
  await Promise.all([running, reading]);
  await extractor.close();
  await source.close();
  await server.close();
  await log.close();
  rmSync(folder, { recursive: true, force: true });
  if (changedMs.size > 0) throw new Error(`${changedMs.size} changes have no event`);
  return taken.sort((a, b) => a - b);
}

/** Takes the time at which the log had each event. */
async function follow(
  log: Awaited<ReturnType<typeof openEmbeddedLog>>,
  changedMs: Map<string, number>,
  taken: number[],
  signal: AbortSignal,
): Promise<void> {
  const reader = await log.openReader({ topics: ["ticket-events"], startAt: "earliest" });
  try {
    while (!signal.aborted) {
      const delivery = await reader.next({ timeoutMs: 100 });
      if (delivery.kind !== "batch") continue;
      for (const record of delivery.records) {
        const { ticket } = decodeJson(record) as ChangeEvent & { ticket: { subject: string } };
        const madeMs = changedMs.get(ticket.subject);
        if (madeMs === undefined) continue;
        taken.push(record.appendedAtMs - madeMs);
        changedMs.delete(ticket.subject);
      }
    }
  } finally {
    await reader.close();
  }
}
