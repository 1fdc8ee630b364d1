import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import {
  type EventLog,
  encodeJson,
  type NewRecord,
  recordOfEvent,
  silentLogger,
  type TicketEvent,
  topics,
} from "@thulium-stream/contracts";
import { openKafkaLog } from "@thulium-stream/event-log/kafka";
import { makeTicket } from "@thulium-stream/kit";
import { realServers } from "@thulium-stream/kit/real-servers";
import { systemClock } from "@thulium-stream/runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const { kafkaBrokers } = realServers();
const patient = { timeout: 60_000, interval: 50 };

describe.skipIf(kafkaBrokers === null)("the examples, as they are started", () => {
  let log: EventLog;
  let topicPrefix: string;
  let child: ChildProcess | null = null;
  let output = "";
  let server: Server | null = null;
  beforeEach(async () => {
    topicPrefix = `x${randomUUID().slice(0, 8)}.`;
    const brokers = kafkaBrokers ?? [];
    log = openKafkaLog({
      ...{ brokers, topicPrefix, clock: systemClock, logger: silentLogger, newId: randomUUID },
    });
    await log.ensureTopics(topics);
    output = "";
  });
  afterEach(async () => {
    child?.kill("SIGKILL");
    server?.close();
    await log.close();
  });

  function start(example: string, environment: Record<string, string>): ChildProcess {
    child = spawn(process.execPath, [join(import.meta.dirname, "..", "examples", example)], {
      env: {
        ...process.env,
        EVENT_LOG_URL: `kafka://${kafkaBrokers?.join(",")}`,
        TOPIC_PREFIX: topicPrefix,
        ...environment,
      },
    });
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
    return child;
  }

  async function endInOrder(started: ChildProcess): Promise<void> {
    const exited = once(started, "exit");
    started.kill("SIGTERM");
    expect(await exited, output).toEqual([0, null]);
  }

  async function append(...records: NewRecord[]): Promise<void> {
    const writer = await log.openWriter("w");
    await writer.append(records);
    await writer.close();
  }

  it("closed-to-webhook posts each closed ticket, waits for a webhook that is down, sets aside what it refuses", async () => {
    const posts: { key: unknown; body: unknown }[] = [];
    let isDown = true;
    server = createServer(async (request, response) => {
      let text = "";
      for await (const chunk of request) text += String(chunk);
      const body = JSON.parse(text) as { ticket_id: string };
      const status = isDown ? 503 : body.ticket_id === "9" ? 422 : 200;
      if (status === 200) posts.push({ key: request.headers["idempotency-key"], body });
      isDown = false;
      response.writeHead(status).end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    await append(
      ...[closed("7"), closed("8", { kinds: ["assigned"] }), closed("9")].map((e) =>
        recordOfEvent(e, 1),
      ),
    );
    const started = start("closed-to-webhook.mjs", {
      WEBHOOK_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/closed`,
    });
    await expect
      .poll(() => posts, patient)
      .toEqual([
        {
          key: closed("7").id,
          body: {
            ticket_id: "7",
            subject: "Zamówienie nie dotarło",
            closed_at: null,
            agent: "akowalski",
          },
        },
      ]);
    const lettersEnd = async () =>
      (await log.ends("dead-letters")).reduce((sum, { end }) => sum + end, 0);
    await expect.poll(lettersEnd, patient).toBeGreaterThan(0);
    await endInOrder(started);
  });

  it("open-tickets serves what is open, and follows what closes, leaves the list or is deleted", async () => {
    await append(
      state("1", "Nowe"),
      state("2", "Zamknięte"),
      state("3", "W toku"),
      state("4", "Nowe"),
      state("5", "Nowe"),
    );
    const started = start("open-tickets.mjs", { PORT: "0" });
    await expect.poll(() => output, patient).toContain("complete: 4 open tickets");
    const url = /http:\S+/.exec(output)?.[0] ?? "";
    const ids = async () => {
      const rows = (await (await fetch(url)).json()) as { ticket_id: string }[];
      return rows.map(({ ticket_id }) => ticket_id).sort();
    };
    expect(await ids()).toEqual(["1", "3", "4", "5"]);
    await append(
      state("2", "Nowe"),
      state("3", "Zamknięte"),
      { topic: "tickets", key: "acme:4", value: null },
      state("5", "Nowe", false),
    );
    await expect.poll(ids, patient).toEqual(["1", "2"]);
    await endInOrder(started);
  });
});

function closed(ticketId: string, over: Partial<TicketEvent> = {}): TicketEvent {
  return {
    type: "thulium.ticket.updated",
    id: ticketId.padEnd(26, "a"),
    system: "acme",
    ticket_id: ticketId,
    time: "2026-11-23T09:00:00.000Z",
    time_is_observation: false,
    observed_at: "2026-11-23T09:00:00.000Z",
    origin: "live",
    version: 2,
    previous_event_id: null,
    source_updated_at: null,
    source_updated_at_ambiguous: false,
    kinds: ["closed"],
    changes: [],
    derived: [],
    ticket: makeTicket({ ticket_id: ticketId }),
    ...over,
  } as TicketEvent;
}

function state(ticketId: string, full_status_name: string, listed = true): NewRecord {
  const id = ticketId.padEnd(26, "a");
  const value = encodeJson({
    ...makeTicket({ ticket_id: ticketId, full_status_name }),
    ...{ content_hash: id, hash_version: 1, version: 1, last_event_id: id },
    ...{ observed_at: "2026-11-23T09:00:00.000Z", listed, messages: [] },
  });
  return { topic: "tickets", key: `acme:${ticketId}`, value };
}
