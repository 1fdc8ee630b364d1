import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EventLog, Failure, silentLogger, topics } from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { ScriptedSource, seededRandom } from "@thulium-stream/kit";
import { realClock } from "@thulium-stream/kit/real-servers";
import { createWallClock } from "@thulium-stream/thulium-api/pure";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ElectedExtractor } from "./elected-extractor.ts";
import { readExtractorState } from "./extractor-state.ts";
import { TicketIndex } from "./ticket-index.ts";

const patience = { timeout: 15_000, interval: 5 };
let folder: string;
let source: ScriptedSource;
let log: EventLog;
/** The same log as another process sees it; opened before anything is written, since LMDB opens a folder by a write of its own. */
let sameLog: EventLog;
let ids = 0;
const running: { readonly end: AbortController; readonly run: Promise<void> }[] = [];

function newId(): string {
  ids += 1;
  return `id-${ids}`;
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "elected-"));
  source = new ScriptedSource(realClock, seededRandom(1));
  log = await openLog();
  await log.ensureTopics(topics);
  sameLog = await openLog();
});
afterEach(async () => {
  for (const { end } of running) end.abort();
  await Promise.allSettled(running.splice(0).map(({ run }) => run));
  await log.close();
  await sameLog.close();
  rmSync(folder, { recursive: true, force: true });
});

function openLog(): Promise<EventLog> {
  return openEmbeddedLog({
    folder: join(folder, "log"),
    clock: realClock,
    logger: silentLogger,
    newId,
  });
}

function start(instance: string, over: EventLog = log, index = instance) {
  const extractor = new ElectedExtractor(
    {
      source,
      log: over,
      openIndex: () =>
        TicketIndex.open(join(folder, index), "acme", { closedStatuses: ["Zamknięte"] }),
      clock: realClock,
      logger: silentLogger,
      random: () => 0.5,
      newId,
    },
    {
      system: "acme",
      zone: "Europe/Warsaw",
      requestsPerSecond: 1000,
      pollIntervalMs: 100,
      instance,
    },
  );
  const end = new AbortController();
  const run = extractor.run(end.signal);
  running.push({ end, run });
  return { extractor, end, run };
}

type Started = ReturnType<typeof start>;
const becomes = ({ extractor }: Started, role: "active" | "standby") =>
  vi.waitUntil(() => extractor.status().role === role, patience);

/** The log, with an election of its own. */
const electedBy = (openElection: EventLog["openReader"]): EventLog => ({
  ensureTopics: (specs) => log.ensureTopics(specs),
  openWriter: (id) => log.openWriter(id),
  ends: (topic) => log.ends(topic),
  positionsAt: (topic, atMs) => log.positionsAt(topic, atMs),
  purge: (before) => log.purge(before),
  close: () => log.close(),
  openReader: (options) =>
    options.group === undefined ? log.openReader(options) : openElection(options),
});

/** Opens the writer under it, and changes a ticket, so that it notices. */
async function fence(active: Started): Promise<void> {
  const intruder = await log.openWriter("extractor.acme");
  const raw = createWallClock("Europe/Warsaw").toText(realClock.now());
  source.put({ ticket_id: "1", created_at_raw: raw, updated_at_raw: raw });
  await becomes(active, "standby");
  await intruder.close();
}

describe("an elected extractor", () => {
  it("works while it is elected, stands by while another is, and comes back when that one ends", async () => {
    const first = start("first");
    await becomes(first, "active");
    const second = start("second", sameLog);
    await becomes(second, "active");
    await becomes(first, "standby");
    second.end.abort();
    await second.run;
    await becomes(first, "active");
    await vi.waitUntil(async () => {
      const { heartbeat } = await readExtractorState(log, "acme");
      return heartbeat?.instance === "first" && heartbeat.is_running;
    }, patience);
    first.end.abort();
    await first.run;
    expect((await readExtractorState(log, "acme")).heartbeat?.is_running).toBe(false);
  });

  it("goes on at once when it was killed at work, before the group has missed it; any other waits to be elected", async () => {
    const first = start("first");
    await becomes(first, "active");
    await vi.waitUntil(
      async () => (await readExtractorState(log, "acme")).heartbeat !== null,
      patience,
    );
    // The group elects nobody: as it is while a killed member is not yet missed.
    const undecided = electedBy(() => new Promise(() => {}));
    const other = start("other", undecided);
    const again = start("first", undecided, "index of its second life");
    await becomes(again, "active");
    expect(other.extractor.status().role).toBe("standby");
  });

  it("that is fenced while it sleeps ends nothing but its own work", async () => {
    const first = start("first");
    await becomes(first, "active");
    await fence(first);
    first.end.abort();
    await first.run;
  });

  it("that was fenced goes on as soon as the group names it again", async () => {
    let name = () => {};
    const naming = electedBy(async () => {
      const partitions = [{ topic: "commands" as const, partition: 0 }];
      let isFirst = true;
      return {
        async next({ signal }) {
          const named = new Promise<void>((resolve) => {
            name = resolve;
            signal?.addEventListener("abort", () => resolve(), { once: true });
          });
          if (!isFirst) await named;
          isFirst = false;
          if (signal?.aborted) throw new Failure("Cancelled", "over");
          return { kind: "assignment", partitions };
        },
        commit: async () => {},
        pause() {},
        close: async () => {},
      };
    });
    const first = start("first", naming);
    await becomes(first, "active");
    await fence(first);
    const namedMs = realClock.now();
    name();
    await becomes(first, "active");
    expect(realClock.now() - namedMs).toBeLessThan(10_000);
    first.end.abort();
    await first.run;
  });

  it("ends with the failure that no retry mends", async () => {
    source.failWith = () => new Failure("Forbidden", "no such permission");
    await expect(start("first").run).rejects.toMatchObject({ code: "Forbidden" });
  });
});
