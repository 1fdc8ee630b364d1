import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import {
  type ChangeEvent,
  decodeJson,
  type EventLog,
  instantOf,
  recordOfEvent,
  silentLogger,
  type TicketHistory,
  type TicketMetrics,
  ticketMetrics,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { openKafkaLog } from "@thulium-stream/event-log/kafka";
import { makeMessage, makeTicket } from "@thulium-stream/kit";
import { realClock, realServers } from "@thulium-stream/kit/real-servers";
import { batchesToEnd } from "@thulium-stream/runtime";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ticketMetricsOf } from "../figures/ticket-metrics-of.ts";
import { emptyHistory, foldEvent } from "../history/fold-event.ts";
import { factsOf, packHistory } from "../history/stored-history.ts";
import { MetricsEngine } from "../metrics-engine.ts";
import { createFigureRules } from "../rules/figure-rules.ts";
import { noMetricsSettings } from "../rules/metrics-settings.ts";
import { foldOptions } from "./fold-story.ts";

const brokers = realServers().kafkaBrokers;
const common = { clock: realClock, logger: silentLogger, newId: randomUUID };
const never = new AbortController().signal;
const tickets = 40;
const stepsOfTicket = 12;
/** Children are killed so often, each at another moment. */
const kills = 6;

let child: string;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fold-kills-"));
  child = await bundled("fold-child.ts");
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await rm(join(child, ".."), { recursive: true });
});

describe("figures after processes were killed while they folded", () => {
  it("equal a fold from scratch, one process after the other, on the embedded log", async () => {
    const place = join(folder, "log");
    const log = await openEmbeddedLog({ folder: place, ...common });
    await log.ensureTopics(topics);
    const story = new Story(log);
    const store = join(folder, "store");
    for (let kill = 0; kill < kills; kill += 1) {
      const member = new Member(place, "", store);
      for (let batch = 0; batch < 2; batch += 1) await story.tell();
      await member.hasChanged();
      await story.tell();
      await member.kill(kill * 7);
    }
    await story.tellAll();
    await expectFigures(log, story.told, store);
    await log.close();
  });

  it.skipIf(brokers === null)(
    "equal a fold from scratch, two members of a group taking over from each other, on Kafka",
    { timeout: 240_000 },
    async () => {
      const [place, topicPrefix] = [(brokers ?? []).join(","), `k${randomUUID().slice(0, 8)}.`];
      const log = openKafkaLog({ brokers: brokers ?? [], topicPrefix, ...common });
      await log.ensureTopics(topics);
      const story = new Story(log);
      const members = [0, 1].map(
        (number) => new Member(place, topicPrefix, join(folder, `kafka-${number}`)),
      );
      for (let kill = 0; kill < kills; kill += 1) {
        const place = kill % 2;
        await story.tell();
        await members[place]?.hasChanged();
        await story.tell();
        await members[place]?.kill(kill * 11);
        members[place] = new Member(
          (brokers ?? []).join(","),
          topicPrefix,
          join(folder, `kafka-${place}`),
        );
      }
      await story.tellAll();
      for (const member of members) await member.kill(50);
      await expectFigures(log, story.told, join(folder, "kafka-0"));
      await log.close();
    },
  );
});

/** Figures on the topic, in a store that saw the kills, in a new one, and folded here and now are all the same; and no record ever went back. */
async function expectFigures(log: EventLog, told: readonly ChangeEvent[], store: string) {
  const expected = foldedHere(told);
  expect(expected.size).toBe(tickets);
  const answers: object[] = [];
  for (const each of [store, `${store}-new`]) {
    const engine = await MetricsEngine.open({ log, folder: each, ...common }, foldOptions);
    await foldAll(engine);
    const query = { from: "2026-11-01", to: "2026-12-31" };
    answers.push({
      ...engine.summary(query, ["queue", "status"]),
      series: engine.timeseries(query, "day"),
    });
    await engine.close();
  }
  expect(answers[0]).toEqual(answers[1]);
  const newest = new Map<string, TicketMetrics>();
  for await (const { records } of batchesToEnd(log, "ticket-metrics"))
    for (const record of records) {
      const metrics = ticketMetrics.parse(decodeJson(record));
      const before = newest.get(metrics.ticket_id);
      if (before !== undefined)
        expect(factsOf(metrics.history)).toBeGreaterThanOrEqual(factsOf(before.history));
      newest.set(metrics.ticket_id, metrics);
    }
  expect(newest).toEqual(expected);
}

/** Folds until nothing is left. One call does what the process owns, and a member that was killed while it joined owns partitions until its session ends. */
async function foldAll(engine: MetricsEngine): Promise<void> {
  const isDone = async () => {
    await engine.catchUp(never);
    return (await engine.takeOver(never)) === 0;
  };
  await vi.waitUntil(isDone, { timeout: 60_000, interval: 200 });
}

function foldedHere(events: readonly ChangeEvent[]): Map<string, TicketMetrics> {
  const { system, ...options } = foldOptions;
  const rules = createFigureRules({ slaResolutionS: null, file: noMetricsSettings, ...options });
  const histories = new Map<string, TicketHistory>();
  for (const event of events) {
    const before = histories.get(event.ticket_id) ?? emptyHistory;
    histories.set(event.ticket_id, foldEvent(before, event, rules));
  }
  return new Map(
    [...histories].map(([ticketId, history]) => {
      const metrics = ticketMetricsOf(history, { system, ticketId, rules });
      if (metrics === null) throw new Error("a ticket has no head");
      return [ticketId, { ...metrics, history: packHistory(history) }];
    }),
  );
}

/** Tells the lives of some tickets on a log, step by step. */
class Story {
  readonly told: ChangeEvent[] = [];
  readonly #log: EventLog;
  #step = 0;

  constructor(log: EventLog) {
    this.#log = log;
  }

  /** Appends the next step of every ticket; from the middle on, an older step once more. */
  async tell(): Promise<void> {
    if (this.#step === stepsOfTicket) return;
    this.#step += 1;
    const events = Array.from({ length: tickets }, (_, at) => eventOf(at + 1, this.#step));
    const repeated = this.told.slice(0, this.#step > 5 ? 20 : 0);
    const writer = await this.#log.openWriter("story");
    await writer.append([...events, ...repeated].map((event) => recordOfEvent(event, this.#step)));
    await writer.close();
    this.told.push(...events);
  }

  async tellAll(): Promise<void> {
    while (this.#step < stepsOfTicket) await this.tell();
  }
}

/** The step-th event of a ticket: created, then messages and statuses in turn. */
function eventOf(number: number, step: number): ChangeEvent {
  const at = instantOf(Date.parse("2026-11-23T08:00:00.000Z") + number * 60_000 + step * 3_600_000);
  const id = String(number);
  const envelope = {
    id: "x".repeat(26),
    system: "acme",
    ticket_id: id,
    time: at,
    time_is_observation: false,
    observed_at: at,
    origin: "live",
    previous_event_id: null,
    source_updated_at: null,
    source_updated_at_ambiguous: false,
  } as const;
  const statuses = ["Nowe", "W realizacji", "Zamknięte"];
  const ticket = makeTicket({
    ticket_id: id,
    ticket_queue_name: `queue ${(number + step) % 3}`,
    full_status_name: statuses[step % 3] ?? null,
    created_at: instantOf(Date.parse("2026-11-23T08:00:00.000Z") + number * 60_000),
    updated_at: at,
  });
  if (step % 2 === 1)
    return {
      ...envelope,
      type: step === 1 ? "thulium.ticket.created" : "thulium.ticket.updated",
      version: (step + 1) / 2,
      kinds: ["other"],
      changes: [],
      derived: [],
      ticket,
    };
  const message_id = `${id}${String(step).padStart(2, "0")}`;
  const login = step % 4 === 0 ? "ala" : null;
  return {
    ...envelope,
    type: "thulium.message.added",
    version: 1,
    message_id,
    changes: [],
    message: makeMessage({
      ticket_id: id,
      message_id,
      type: login === null ? "MAIL" : "REPLY",
      user_login: login,
      created_at: at,
    }),
    ticket,
  };
}

/** A process that folds, to be killed. */
class Member {
  readonly #process: ChildProcess;
  readonly #gone: Promise<unknown>;
  #changes = 0;

  constructor(place: string, topicPrefix: string, store: string) {
    this.#process = spawn(process.execPath, [child, place, topicPrefix, store], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#gone = new Promise((resolve) => this.#process.once("exit", resolve));
    if (this.#process.stdout === null) throw new Error("the child has no output");
    createInterface({ input: this.#process.stdout }).on("line", () => {
      this.#changes += 1;
    });
  }

  /** Waits for figures that it published or took over. */
  async hasChanged(): Promise<void> {
    await vi.waitUntil(() => this.#changes > 0, { timeout: 60_000, interval: 2 });
  }

  /** Kills it some milliseconds from now. */
  async kill(afterMs: number): Promise<void> {
    await realClock.sleep(afterMs);
    this.#process.kill("SIGKILL");
    await this.#gone;
  }
}

/** The child as one JavaScript file, since the smallest Node supported does not run TypeScript. */
async function bundled(entry: string): Promise<string> {
  const out = fileURLToPath(new URL(`../../node_modules/.tmp-${randomUUID()}/`, import.meta.url));
  await build({
    configFile: false,
    logLevel: "error",
    resolve: { conditions: ["source"] },
    ssr: { noExternal: [/^@thulium-stream\//], resolve: { conditions: ["source"] } },
    build: {
      ssr: fileURLToPath(new URL(entry, import.meta.url)),
      outDir: out,
      target: "node20",
      // What has parts that are no JavaScript is taken from the package's own modules.
      rollupOptions: {
        external: ["lmdb", "date-holidays"],
        output: { entryFileNames: "child.mjs" },
      },
    },
  });
  return join(out, "child.mjs");
}
