import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Clock,
  type EventLog,
  isFailure,
  silentLogger,
  type TicketSource,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { Extractor, type ExtractorOptions, TicketIndex } from "@thulium-stream/extractor";
import { holding, type VirtualClock } from "@thulium-stream/kit";
import { newId } from "@thulium-stream/runtime";
import { basicAuthorisation, type Mutation, type Sandbox } from "@thulium-stream/sandbox";
import {
  createThuliumSource,
  createWallClock,
  type ExchangedAnswer,
  messageHash,
  normaliseTicket,
  ticketHash,
} from "@thulium-stream/thulium-api";

export const system = "acme";
export const zone = "Europe/Warsaw";
const wallClock = createWallClock(zone);
const authorization = basicAuthorisation("sandbox", "sandbox");

/** A sandbox in process behind the project's own client, living on a given clock; counts and names what is asked. */
export class Desk {
  readonly paths: string[] = [];
  readonly #sandbox: Sandbox;
  readonly #clock: Clock;
  readonly #latencyMs: number;

  constructor(sandbox: Sandbox, clock: Clock, latencyMs = 0) {
    this.#sandbox = sandbox;
    this.#clock = clock;
    this.#latencyMs = latencyMs;
  }

  /** Makes a change now; one of a ticket that is gone changes nothing. */
  change(mutation: Mutation): void {
    this.#sandbox.advanceTo(this.#clock.now());
    try {
      this.#sandbox.mutate(mutation);
    } catch (error) {
      // The ticket was deleted by an earlier change of the script.
      if (!isFailure(error, "Rejected")) throw error;
    }
  }

  /** Answers one GET as text. */
  async get(
    path: string,
  ): Promise<{ status: number; headers: Record<string, string>; text: string }> {
    this.paths.push(path);
    await this.#clock.sleep(this.#latencyMs);
    this.#sandbox.advanceTo(this.#clock.now());
    const context = { receivedAtMs: this.#clock.now() };
    const { status, headers, body } = this.#sandbox.handle("GET", path, { authorization }, context);
    return { status, headers, text: typeof body === "string" ? body : [...body].join("") };
  }

  /** The project's client of this desk. */
  source(): TicketSource {
    return sourceOver(this.#clock, async (path) => {
      const { text, ...head } = await this.get(path);
      return { ...head, body: Buffer.from(text) };
    });
  }

  /** What is really there: a digest by ticket id. */
  truth(): Map<string, string> {
    const contents = new Map<string, string>();
    for (const row of this.#sandbox.truth().rows())
      contents.set(String(row["ticket_id"]), digestOfRow(row));
    return contents;
  }
}

/** The project's client over answers that are made, or kept, in this process. */
export function sourceOver(
  clock: Clock,
  get: (path: string) => Promise<Omit<ExchangedAnswer, "body"> & { readonly body: Buffer }>,
): TicketSource {
  return createThuliumSource({
    url: "http://sandbox",
    system,
    user: "sandbox",
    password: "sandbox",
    zone,
    clock,
    logger: silentLogger,
    exchange: {
      get: async (path) => {
        const { body, ...head } = await get(path);
        return { ...head, body: once(body) };
      },
      close: async () => {},
    },
  });
}

async function* once(body: Buffer): AsyncGenerator<Buffer> {
  yield body;
}

/** Runs `work` with an extractor over an empty embedded log, in a folder that is gone afterwards. */
export async function withExtractor<T>(
  source: TicketSource,
  clock: VirtualClock,
  options: Partial<ExtractorOptions>,
  work: (extractor: Extractor, log: EventLog) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  const common = { clock, logger: silentLogger, newId };
  const log = await openEmbeddedLog({ folder: join(folder, "log"), ...common });
  await log.ensureTopics(topics);
  const index = TicketIndex.open(join(folder, "index"), system, { closedStatuses: ["Zamknięte"] });
  const held = { log: holding(log, clock), index };
  const extractor = await Extractor.open(
    { source, ...held, random: () => 0.5, ...common },
    { system, zone, ...options },
  );
  try {
    return await work(extractor, log);
  } finally {
    await extractor.close();
    await log.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Content of an API row, whatever its notation. */
export function digestOfRow(row: unknown): string {
  const read = normaliseTicket(row, system, wallClock);
  if (!read.ok) throw new Error(read.detail);
  const { ticket, messages } = read.observed;
  return digest(
    ticketHash(ticket),
    messages.map((one) => [one.message_id, messageHash(one), one.ratings]),
  );
}

/** One text for a head's hash and its messages' ids, hashes and ratings. */
export function digest(head: string, messages: readonly unknown[]): string {
  return JSON.stringify([head, messages]);
}
