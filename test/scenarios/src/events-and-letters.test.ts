import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type DeadLetter,
  type NewRecord,
  recordOfEvent,
  silentLogger,
  type TicketEvent,
  topics,
} from "@thulium-stream/contracts";
import { openEventLog } from "@thulium-stream/event-log/open";
import { makeTicket } from "@thulium-stream/kit";
import { realServers } from "@thulium-stream/kit/real-servers";
import { systemClock } from "@thulium-stream/runtime";
import { subscribe } from "@thulium-stream/subscriber";
import { describe, expect, it } from "vitest";
import { Deployment } from "./pipeline-process.ts";

const { kafkaBrokers } = realServers();
const patient = { timeout: 60_000, interval: 100 };

function eventOf(ticketId: string, version: number, over: Partial<TicketEvent> = {}): TicketEvent {
  return {
    ...{ type: "thulium.ticket.updated", id: `${ticketId}v${version}`.padEnd(26, "a") },
    ...{ system: "acme", ticket_id: ticketId, version, previous_event_id: null, origin: "live" },
    ...{ time: "2026-11-23T09:00:00.000Z", observed_at: "2026-11-23T09:00:04.000Z" },
    ...{ time_is_observation: false, source_updated_at: null, source_updated_at_ambiguous: false },
    kinds: ["status_changed"],
    changes: [{ field: "status_id", before: "1", after: "2" }],
    derived: [],
    ticket: makeTicket({ ticket_id: ticketId }),
    ...over,
  } as TicketEvent;
}

/** Every command of `dlq` through the built command, and every option of `events` on the embedded log. */
async function work(env: Readonly<Record<string, string>>, url: (folder: string) => string) {
  const deployment = new Deployment({ THULIUM_SYSTEM: "acme", ...env });
  const log = await openEventLog({
    url: url(deployment.folder),
    topicPrefix: env["TOPIC_PREFIX"] ?? "thulium.",
    ...{ clock: systemClock, logger: silentLogger, newId: randomUUID },
  });
  const append = async (...records: NewRecord[]) => {
    const writer = await log.openWriter("w");
    await writer.append(records);
    await writer.close();
  };
  const versionsOf = (stdout: string) =>
    stdout
      .trim()
      .split("\n")
      .flatMap((line) => (line === "" ? [] : [(JSON.parse(line) as TicketEvent).version]));
  const events = async (...args: string[]) =>
    versionsOf(await deployment.succeed(["events", ...args]));
  const filter = async () => {
    expect(await events("--ticket", "7", "--type", "ticket.updated", "--kind", "closed")).toEqual([
      2,
    ]);
    expect(await events("--ticket", "8")).toEqual([3]);
    expect(await events("--type", "ticket.created", "--from-beginning")).toEqual([1]);
    expect(await events("--from", "0s")).toEqual([]);
    const [withHeaders] = (
      await deployment.succeed(["events", "--headers", "--limit", "1", "--ticket", "8"])
    )
      .trim()
      .split("\n");
    expect(JSON.parse(withHeaders ?? "")).toMatchObject({
      topic: "ticket-events",
      headers: { ce_type: "thulium.ticket.updated", ce_kinds: "status_changed" },
      event: { ticket_id: "8" },
    });
    const wrong = await deployment.run(["events", "--kind", "close"]);
    expect([wrong.code, wrong.stderr]).toEqual([
      2,
      expect.stringContaining("must be one of created, deleted"),
    ]);
    const following = deployment.start(["events", "--follow", "--limit", "1"]);
    const followed = following.ended.then(({ stdout }) => versionsOf(stdout));
    let hasEnded = false;
    void followed.finally(() => {
      hasEnded = true;
    });
    // It begins with what is published after its start: something new until it has seen one.
    for (let version = 100; !hasEnded; version += 1) {
      await append(recordOfEvent(eventOf("9", version), 3));
      await systemClock.sleep(250);
    }
    expect((await followed)[0]).toBeGreaterThanOrEqual(100);
  };
  const ending = new AbortController();
  try {
    await log.ensureTopics(topics);
    await append(
      recordOfEvent(
        eventOf("7", 1, {
          type: "thulium.ticket.created",
          kinds: ["created"],
        } as Partial<TicketEvent>),
        1,
      ),
      recordOfEvent(eventOf("7", 2, { kinds: ["status_changed", "closed"] }), 1),
    );
    await systemClock.sleep(1_500);
    const betweenMs = systemClock.now();
    await append(recordOfEvent(eventOf("8", 3), 2));
    await append({
      topic: "ticket-events",
      key: "acme:7",
      value: Buffer.from("broken"),
      headers: { ce_type: "thulium.ticket.updated" },
    });

    expect(
      await events("--from", new Date(betweenMs - 500).toISOString(), "--kind", "status_changed"),
    ).toEqual([3]);

    if (env["EVENT_LOG_URL"] === undefined) await filter();
    let isRepaired = false;
    const handled: string[] = [];
    const subscription = subscribe({
      log,
      group: "mailer",
      maxAttempts: 1,
      signal: ending.signal,
      on: {
        "ticket.updated": ({ ticket_id, version }) => {
          if (ticket_id === "8" && !isRepaired) throw new Error("the mail server refuses");
          if (ticket_id !== "9") handled.push(`${ticket_id}/${version}`);
        },
      },
    });
    const letters = async () => {
      const lines = (await deployment.succeed(["dlq", "ls", "--json"])).trim().split("\n");
      return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as DeadLetter);
    };
    await expect.poll(async () => (await letters()).length, patient).toBe(2);
    const open = await letters();
    const failed = open.find(({ stage }) => stage === "subscriber");
    const broken = open.find(({ stage }) => stage === "log-record");
    expect(failed).toMatchObject({
      group: "mailer",
      attempts: 1,
      detail: "the mail server refuses",
      key: "acme:8",
    });
    const shown = await deployment.succeed(["dlq", "show", broken?.letter_id ?? ""]);
    expect(shown).toMatch(/stage +log-record/);
    expect(shown).toMatch(/position +ticket-events\[\d\]@\d+/);
    expect(shown.trim().split("\n").at(-1)).toBe("broken");

    isRepaired = true;
    expect(
      await deployment.succeed(["dlq", "retry", failed?.letter_id.slice(0, 8) ?? ""]),
    ).toContain("given to mailer again");
    await expect.poll(() => handled, patient).toEqual(["7/2", "8/3"]);
    const unrepaired = await deployment.run(["dlq", "retry", broken?.letter_id ?? ""]);
    expect([unrepaired.code, unrepaired.stderr]).toEqual([
      2,
      expect.stringContaining("--value FILE"),
    ]);
    const file = join(deployment.folder, "repaired.json");
    writeFileSync(file, JSON.stringify(eventOf("7", 2)));
    const twin = await deployment.run(["dlq", "retry", broken?.letter_id ?? "", "--value", file]);
    expect([twin.code, twin.stderr]).toEqual([2, expect.stringContaining("is on the log already")]);
    writeFileSync(file, JSON.stringify(eventOf("7", 4)));
    expect(
      await deployment.succeed(["dlq", "retry", broken?.letter_id ?? "", "--value", file]),
    ).toContain("published as the newest of acme:7");
    await expect.poll(() => handled, patient).toEqual(["7/2", "8/3", "7/4"]);

    await append({
      topic: "ticket-events",
      key: "acme:7",
      value: Buffer.from("junk"),
      headers: {},
    });
    await expect
      .poll(async () => (await letters()).map(({ raw }) => raw), patient)
      .toEqual(["junk"]);
    const [junk] = await letters();
    expect(await deployment.succeed(["dlq", "drop", junk?.letter_id ?? ""])).toContain("dropped");
    expect(await deployment.succeed(["dlq", "ls"])).toContain("no open dead letters");
    const all = await deployment.succeed(["dlq", "ls", "--all"]);
    for (const state of ["retried", "dropped"]) expect(all).toContain(state);
    ending.abort();
    await subscription;
  } finally {
    ending.abort();
    await log.close();
    deployment.dispose();
  }
}

describe("events and dead letters on the command line", () => {
  it("of an embedded log", () => work({}, (folder) => `embedded:${join(folder, "data/acme/log")}`));

  it.skipIf(kafkaBrokers === null)("of a real Kafka broker", () => {
    const url = `kafka://${kafkaBrokers?.join(",")}`;
    const env = { EVENT_LOG_URL: url, TOPIC_PREFIX: `letters-${randomUUID().slice(0, 8)}.` };
    return work(env, () => url);
  });
});
