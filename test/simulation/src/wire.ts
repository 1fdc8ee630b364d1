import type { Clock } from "@thulium-stream/contracts";
import { basicAuthorisation, type Sandbox } from "@thulium-stream/sandbox";
import type { Exchange } from "@thulium-stream/thulium-api";
import { Violation } from "./checked-log.ts";
import type { Ledger } from "./ledger.ts";
import type { WorldPlan } from "./world-plan.ts";

/** What a {@link Wire} connects. */
export interface WireDeps {
  readonly plan: WorldPlan;
  readonly sandbox: Sandbox;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: () => number;
  /** Hears about each request. */
  readonly note: (what: string) => void;
}

/** The network between an incarnation of the process and the sandbox, with latency, faults and a watch on politeness (E6). */
export class Wire {
  requests = 0;
  /** The first impoliteness; kept, since a failed request would only be asked again. */
  violation: Violation | null = null;
  readonly #plan: WorldPlan;
  readonly #sandbox: Sandbox;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #note: (what: string) => void;
  #startsMs: number[] = [];
  #heldUntilMs = 0;
  readonly #firstAskedMs = new Map<string, number>();

  constructor({ plan, sandbox, ledger, clock, random, note }: WireDeps) {
    this.#plan = plan;
    this.#sandbox = sandbox;
    this.#ledger = ledger;
    this.#clock = clock;
    this.#random = random;
    this.#note = note;
  }

  /** Lets the source live up to now. */
  live(): void {
    this.#sandbox.advanceTo(this.#clock.now() + this.#plan.skewMs);
    this.#ledger.observe();
  }

  /** The exchange of one incarnation; a dead one gets no answer any more. */
  exchangeOf(isAlive: () => boolean): Exchange {
    // A process that has just started cannot know what the one before it was told.
    [this.#startsMs, this.#heldUntilMs] = [[], 0];
    return {
      get: async (path, _headers, signal) => {
        if (!isAlive()) throw new Error("killed");
        this.#watch(path);
        this.#note(path);
        this.requests += 1;
        await this.#travel(this.#random() * this.#plan.latencyMs, signal);
        this.live();
        const authorization = basicAuthorisation("sandbox", "sandbox");
        const receivedAtMs = this.#clock.now() + this.#plan.skewMs;
        const answer = this.#isFalselyGone(path)
          ? { status: 404, headers: {}, body: "" }
          : this.#sandbox.handle("GET", path, { authorization }, { receivedAtMs });
        const delayMs = "delayMs" in answer ? (answer.delayMs ?? 0) : 0;
        const backMs = this.#random() * this.#plan.latencyMs + delayMs;
        await this.#travel(backMs, signal);
        if (!isAlive()) throw new Error("killed");
        if ("reset" in answer && answer.reset)
          throw Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
        const headers =
          Number(answer.headers["retry-after"]) > 0 && this.#plan.retryAfterS > 0
            ? { ...answer.headers, "retry-after": String(this.#plan.retryAfterS) }
            : answer.headers;
        const waitMs = waitOf(headers);
        if (waitMs > 0) this.#heldUntilMs = Math.max(this.#heldUntilMs, this.#clock.now() + waitMs);
        const text = typeof answer.body === "string" ? answer.body : [...answer.body].join("");
        return { status: answer.status, headers, body: once(Buffer.from(text)) };
      },
      close: async () => {},
    };
  }

  /** A replica that lags: for a moment it does not know a ticket that exists. */
  #isFalselyGone(path: string): boolean {
    const id = /^\/api\/tickets\/(\d+)$/.exec(path)?.[1];
    if (id === undefined || this.#plan.falseGoneMs === 0) return false;
    const firstMs = this.#firstAskedMs.get(id) ?? this.#clock.now();
    this.#firstAskedMs.set(id, firstMs);
    return this.#clock.now() - firstMs < this.#plan.falseGoneMs;
  }

  async #travel(ms: number, signal: AbortSignal): Promise<void> {
    await this.#clock.sleep(ms, signal).catch(() => {
      throw new DOMException("aborted", "AbortError");
    });
  }

  /** E6: never above the rate, and not before the source said; and nothing whose meaning is open (A4, A5, A10, A12, A15). */
  #watch(path: string): void {
    const nowMs = this.#clock.now();
    const fault = faultOf(path);
    if (fault !== null) this.violation ??= new Violation(`${fault}: ${path}`);
    if (nowMs < this.#heldUntilMs - 1)
      this.violation ??= new Violation(
        `E6: asked ${this.#heldUntilMs - nowMs} ms before Retry-After had passed`,
      );
    this.#startsMs = this.#startsMs.filter((startMs) => startMs > nowMs - 1000);
    this.#startsMs.push(nowMs);
    // One more than the rate: both ends of a second may hold a start.
    if (this.#startsMs.length > this.#plan.requestsPerSecond + 1)
      this.violation ??= new Violation(`E6: ${this.#startsMs.length} requests in one second`);
  }
}

async function* once(body: Buffer): AsyncGenerator<Buffer> {
  yield body;
}

/** Milliseconds that an answer asks to wait, in either form of the header. */
function waitOf(headers: Readonly<Record<string, string>>): number {
  const asked = headers["retry-after"];
  if (asked === undefined) return 0;
  if (/^\d+$/.test(asked)) return Number(asked) * 1000;
  return Date.parse(asked) - Date.parse(headers["date"] ?? "") || 0;
}

const knownParameter =
  /^(limit|offset|include_custom_fields|order|(create_)?date_(from|to)|status_id\[\d*\]|ticket_queue_id|source)$/;
const orders = ["create_date,update_date", "update_date,create_date"];

/** What a request leaves to the source's interpretation; null when it is plain. */
export function faultOf(path: string): string | null {
  const { pathname, searchParams } = new URL(path, "http://sandbox");
  if (pathname !== "/api/tickets") return null;
  for (const [name, value] of searchParams) {
    if (!knownParameter.test(name)) return `A15: the parameter ${name} is not documented`;
    if (name.includes("date_") && !/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}$/.test(value))
      return `A4: ${name} has no minute`;
  }
  const limit = Number(searchParams.get("limit"));
  const offset = Number(searchParams.get("offset") ?? "0");
  if (!(limit >= 1 && limit <= 100 && offset >= 0)) return "A5: limit or offset is out of range";
  if (!orders.includes(searchParams.get("order") ?? "")) return "A10: the order is not documented";
  return null;
}
