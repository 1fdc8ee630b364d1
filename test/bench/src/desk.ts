import type { Clock } from "@thulium-stream/contracts";
import { silentLogger } from "@thulium-stream/contracts";
import { basicAuthorisation, type Mutation, type Sandbox } from "@thulium-stream/sandbox";
import {
  createThuliumSource,
  createWallClock,
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
    } catch {
      // The ticket was deleted by an earlier change of the script.
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
  source() {
    return createThuliumSource({
      url: "http://sandbox",
      system,
      user: "sandbox",
      password: "sandbox",
      zone,
      clock: this.#clock,
      logger: silentLogger,
      exchange: {
        get: async (path) => {
          const { text, ...head } = await this.get(path);
          return { ...head, body: once(Buffer.from(text)) };
        },
        close: async () => {},
      },
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

async function* once(body: Buffer): AsyncGenerator<Buffer> {
  yield body;
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
