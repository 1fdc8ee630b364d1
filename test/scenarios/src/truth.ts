import { createHash } from "node:crypto";
import { type Message, silentLogger, type Ticket } from "@thulium-stream/contracts";
import { systemClock } from "@thulium-stream/runtime";
import {
  createSandbox,
  type Sandbox,
  type SandboxServer,
  serveSandbox,
} from "@thulium-stream/sandbox";
import { createWallClock, normaliseTicket } from "@thulium-stream/thulium-api";

/** A help desk that does not exist, served by the test itself, so that its truth can be asked for. */
export interface HelpDesk {
  readonly sandbox: Sandbox;
  readonly server: SandboxServer;
  /** Settings that point the pipeline at it. */
  readonly env: Readonly<Record<string, string>>;
}

/** Serves a sandbox of `tickets` tickets that changes only by `sandbox.mutate` when it stands still. */
export async function openHelpDesk(
  tickets: number,
  { standStill = true, switches = "" } = {},
): Promise<HelpDesk> {
  const nowMs = Math.floor(Date.now() / 1000) * 1000;
  const sandbox = createSandbox({
    tickets,
    startMs: nowMs,
    nowMs,
    standStill,
    switches,
    historyDays: 60,
  });
  const server = await serveSandbox({ sandbox, logger: silentLogger, clock: systemClock });
  const env = {
    THULIUM_URL: server.url,
    THULIUM_SYSTEM: "acme",
    THULIUM_USER: "sandbox",
    THULIUM_PASSWORD: "sandbox",
    REQUESTS_PER_SECOND: "900",
    LOG_LEVEL: "warn",
  };
  return { sandbox, server, env };
}

/** Counts and content checksums of all tickets and of all messages. */
export interface Checksums {
  readonly tickets: number;
  readonly messages: number;
  readonly ticketsSha256: string;
  readonly messagesSha256: string;
}

/** What is compared of a ticket: every field that the source gave, as text it wrote where there is any. */
export function ticketLine(
  ticket: Pick<Ticket, "ticket_id" | "tags" | "custom_fields"> & Readonly<Record<string, unknown>>,
): string {
  return JSON.stringify(
    [
      "ticket_id",
      "user_login",
      "from",
      "ticket_queue_id",
      "ticket_queue_name",
      "subject",
      "category_id",
      "source",
      "status_id",
      "substatus_id",
      "full_status_name",
      "customer_id",
      "created_at_raw",
      "updated_at_raw",
      "closed_at_raw",
      "first_agent_responded_at_raw",
      "vendor_close_time_raw",
      "vendor_first_agent_response_time_raw",
      "created_at",
      "updated_at",
      "closed_at",
    ]
      .map((name) => ticket[name] ?? null)
      .concat([[...ticket.tags], ticket.custom_fields.map(({ name, value }) => [name, value])]),
  );
}

/** What is compared of a message. */
export function messageLine(
  message: Pick<Message, "ticket_id" | "message_id" | "attachments" | "ratings"> &
    Readonly<Record<string, unknown>>,
): string {
  return JSON.stringify(
    [
      "ticket_id",
      "message_id",
      "user_login",
      "type",
      "body",
      "comment",
      "system_comment",
      "created_at",
      "created_at_raw",
    ]
      .map((name) => message[name] ?? null)
      .concat([[...message.attachments], [...message.ratings]]),
  );
}

/** Checksums of lines, whatever their order. */
export function checksumsOf(tickets: readonly string[], messages: readonly string[]): Checksums {
  const sha256 = (lines: readonly string[]) =>
    createHash("sha256")
      .update([...lines].sort().join("\n").toWellFormed())
      .digest("hex");
  return {
    tickets: tickets.length,
    messages: messages.length,
    ticketsSha256: sha256(tickets),
    messagesSha256: sha256(messages),
  };
}

/** The checksums of what the help desk really holds. */
export function truthOf({ sandbox }: HelpDesk): Checksums {
  const clock = createWallClock("Europe/Warsaw");
  const tickets: string[] = [];
  const messages: string[] = [];
  for (const row of sandbox.truth().rows()) {
    const normalised = normaliseTicket(row, "acme", clock);
    if (!normalised.ok) throw new Error(normalised.detail);
    tickets.push(ticketLine(normalised.observed.ticket));
    messages.push(...normalised.observed.messages.map(messageLine));
  }
  return checksumsOf(tickets, messages);
}
