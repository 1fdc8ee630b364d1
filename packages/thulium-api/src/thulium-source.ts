import {
  type Clock,
  Failure,
  instantOf,
  type Logger,
  type ObservedTicket,
  type PageRequest,
  type RejectedRow,
  type TicketPage,
  type TicketSource,
} from "@thulium-stream/contracts";
import { isSafeNumber, parse as parseLossless } from "lossless-json";
import { checkPage } from "./check-page.ts";
import { type Exchange, httpExchange } from "./exchange.ts";
import { failureOfStatus, failureOfTransport, type HeaderMap, rawLimit } from "./failures.ts";
import { normaliseTicket } from "./normalise-ticket.ts";
import { queryOfPageRequest } from "./php-query.ts";
import { widened } from "./sent-bounds.ts";
import { createWallClock, minuteOf, type WallClock } from "./wall-clock.ts";

/** Where the source is and how it is asked. */
export interface ThuliumSourceOptions {
  /** `https://<system>.thulium.com`, without a path. */
  readonly url: string;
  readonly system: string;
  readonly user: string;
  readonly password: string;
  /** IANA zone of the source's wall clock. */
  readonly zone: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Larger answers fail with `TooLarge`. Default 64 MiB. */
  readonly maxAnswerBytes?: number;
  /** From the request's start to the answer's last byte. Default 60 s. */
  readonly deadlineMs?: number;
  /** Connections at once. Default 4. */
  readonly connections?: number;
  /** How requests travel. Default: HTTP connections to `url`. */
  readonly exchange?: Exchange;
}

/** The `TicketSource` port on Thulium's HTTP API (S1–S4). One request a call, nothing retried, nothing cached. */
export function createThuliumSource(options: ThuliumSourceOptions): TicketSource {
  return new ThuliumSource(options);
}

/** An answer of the source. */
interface Answer {
  readonly status: number;
  readonly headers: HeaderMap;
  readonly text: string;
  readonly bytes: number;
}

/** What an answer to a listing holds. */
interface Envelope {
  readonly count: number;
  readonly result: readonly unknown[];
}

class ThuliumSource implements TicketSource {
  readonly #options: ThuliumSourceOptions;
  readonly #exchange: Exchange;
  readonly #wallClock: WallClock;
  readonly #headers: Record<string, string>;
  #sequence = 0;
  #closing: Promise<void> | undefined;

  constructor(options: ThuliumSourceOptions) {
    this.#options = options;
    this.#wallClock = createWallClock(options.zone);
    const { url, connections = 4, deadlineMs = 60_000 } = options;
    this.#exchange = options.exchange ?? httpExchange({ url, connections, deadlineMs });
    const credentials = Buffer.from(`${options.user}:${options.password}`).toString("base64");
    this.#headers = {
      accept: "application/json",
      authorization: `Basic ${credentials}`,
      "user-agent": "thulium-stream",
    };
  }

  async listTickets(request: PageRequest, signal?: AbortSignal): Promise<TicketPage> {
    this.#sequence += 1;
    const sequence = this.#sequence;
    const sent = widened(request, this.#wallClock);
    const requestedAt = instantOf(this.#options.clock.now());
    const answer = await this.#get(`/api/tickets?${queryOfPageRequest(sent)}`, signal);
    const answeredBefore = this.#sequence + 1;
    const { count, result } = this.#envelopeOf(answer, request);
    const { rows, rejected, unknownFields } = this.#normalise(result);
    checkPage(sent, rows);
    const last = lastOrdered(result, request);
    return {
      request,
      sequence,
      answeredBefore,
      rows,
      rejected,
      received: result.length,
      lastOrderMinute: last === null ? null : minuteOf(last),
      count,
      sourceDate: dateOf(answer.headers),
      requestedAt,
      bytes: answer.bytes,
      unknownFields,
    };
  }

  #envelopeOf({ status, headers, text }: Answer, { offset }: PageRequest): Envelope {
    if (status === 200) return envelopeOf(text);
    // Some systems answer an offset past the end with 404 instead of an empty page (A6).
    if (status === 404 && offset > 0) return { count: offset, result: [] };
    throw failureOfStatus(status, headers, text, this.#options.clock.now());
  }

  async ticketExists(ticketId: string, signal?: AbortSignal): Promise<boolean> {
    this.#sequence += 1;
    const answer = await this.#get(`/api/tickets/${encodeURIComponent(ticketId)}`, signal);
    if (answer.status === 404 || answer.status === 410) return false;
    if (answer.status !== 200)
      throw failureOfStatus(answer.status, answer.headers, answer.text, this.#options.clock.now());
    const ticket = parseJson(answer.text);
    // A proxy's friendly page with status 200 is no proof that a ticket exists.
    if (typeof ticket !== "object" || ticket === null || !("ticket_id" in ticket))
      throw invalid("is no ticket", answer.text);
    return true;
  }

  close(): Promise<void> {
    this.#closing ??= this.#exchange.close();
    return this.#closing;
  }

  async #get(path: string, signal: AbortSignal | undefined): Promise<Answer> {
    if (this.#closing !== undefined) throw new Failure("Closed", "the source's client is closed");
    const deadline = new AbortController();
    const timer = new AbortController();
    const { clock, deadlineMs = 60_000 } = this.#options;
    clock.sleep(deadlineMs, timer.signal).then(
      () => deadline.abort(),
      () => {},
    );
    try {
      const either =
        signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal]);
      const { status, headers, body } = await this.#exchange.get(path, this.#headers, either);
      const { text, bytes } = await this.#read(body);
      return { status, headers, text, bytes };
    } catch (error) {
      throw failureOfTransport(error, signal, deadline.signal);
    } finally {
      timer.abort();
    }
  }

  /** Reads to the end, or destroys the body: a connection is never left half read. */
  async #read(body: AsyncIterable<Buffer>): Promise<{ text: string; bytes: number }> {
    const { maxAnswerBytes = 64 * 1024 * 1024 } = this.#options;
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > maxAnswerBytes) {
        throw new Failure("TooLarge", `the source's answer is larger than ${maxAnswerBytes} bytes`);
      }
      chunks.push(chunk);
    }
    return { text: Buffer.concat(chunks).toString("utf8"), bytes };
  }

  #normalise(result: readonly unknown[]) {
    const rows: ObservedTicket[] = [];
    const rejected: RejectedRow[] = [];
    const unknownFields = new Set<string>();
    for (const row of result) {
      const normalised = normaliseTicket(row, this.#options.system, this.#wallClock);
      if (normalised.ok) {
        rows.push(normalised.observed);
        for (const field of normalised.unknownFields) unknownFields.add(field);
      } else {
        rejected.push({
          ticketId: normalised.ticketId,
          detail: normalised.detail,
          raw: JSON.stringify(row),
        });
      }
    }
    return { rows, rejected, unknownFields: [...unknownFields] };
  }
}

/** A client that quietly reads zero rows for ever is the worst outcome (A31): anything but the documented envelope fails. */
function envelopeOf(text: string): Envelope {
  const envelope = parseJson(text);
  if (
    typeof envelope !== "object" ||
    envelope === null ||
    !("result" in envelope) ||
    !Array.isArray(envelope.result)
  )
    throw invalid("has no list `result`", text);
  const count = "count" in envelope ? Number(envelope.count) : Number.NaN;
  if (!Number.isInteger(count) || count < 0) throw invalid("has no whole number `count`", text);
  return { count, result: envelope.result };
}

/**
 * 16 or more digits in a row outside strings would be rounded by `JSON.parse`: such an answer is parsed without loss. One class for each digit instead of a
 * count, so that the engine may leap over text that has no digits.
 */
const longNumber = new RegExp(`[:,[\\s]-?${"\\d".repeat(16)}`);

function parseJson(text: string): unknown {
  try {
    if (!longNumber.test(text)) return JSON.parse(text);
    return parseLossless(text, null, (digits) => (isSafeNumber(digits) ? Number(digits) : digits));
  } catch (cause) {
    throw invalid("is not JSON", text, cause);
  }
}

function invalid(rule: string, text: string, cause?: unknown): Failure {
  return new Failure("InvalidResponse", `the source's answer ${rule}`, {
    raw: text.slice(0, rawLimit),
    cause,
  });
}

/** The order date of the last row received, whether that row could be used or not. */
function lastOrdered(result: readonly unknown[], { orderBy }: PageRequest): string | null {
  const last = result.at(-1);
  if (typeof last !== "object" || last === null) return null;
  const stamp = (last as Record<string, unknown>)[
    orderBy === "create_date" ? "created_at" : "updated_at"
  ];
  return typeof stamp === "string" && stamp !== "" ? stamp : null;
}

function dateOf(headers: HeaderMap): string | null {
  const ms = Date.parse(String(headers["date"] ?? ""));
  return Number.isNaN(ms) ? null : instantOf(ms);
}
