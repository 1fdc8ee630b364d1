import type { Clock, HoleState, TicketState } from "@thulium-stream/contracts";
import type { Sandbox } from "@thulium-stream/sandbox";
import {
  messageHash,
  minuteOf,
  normaliseTicket,
  ticketHash,
  type WallClock,
} from "@thulium-stream/thulium-api";

/** One content that a ticket really had, and the minutes by which the list could be asked for it. */
interface Version {
  readonly content: string;
  readonly created: string;
  readonly updated: string;
  /** By our clock, when it had come to be at the latest. */
  readonly sinceMs: number;
}

/** A ticket's life as it really was. */
interface Life {
  readonly versions: Version[];
  /** Index of the version at its last bump, and when that was by the source's clock. */
  bumpedVersion: number;
  bumpedMs: number;
  /** Why the list does not show it. */
  gone: "deleted" | "merged" | null;
}

/** Remembers every content that a listing could have shown, beside the sandbox: what the run is checked against. */
export class Ledger {
  readonly #sandbox: Sandbox;
  readonly #wallClock: WallClock;
  /** What the truth leaves out: the field that nobody knows. */
  readonly #unknown: object;
  readonly #lives = new Map<string, Life>();
  readonly #clock: Clock;
  #seen = 0;

  constructor(sandbox: Sandbox, wallClock: WallClock, clock: Clock) {
    this.#sandbox = sandbox;
    this.#clock = clock;
    this.#wallClock = wallClock;
    this.#unknown =
      sandbox.switches.new_field === "on" ? { sla_policy: { id: 7, name: "standard" } } : {};
    for (const row of sandbox.truth().rows())
      this.#newLife(String(row["ticket_id"])).versions.push(this.#readVersion(row));
  }

  /** Takes down what has happened since the last call. Call it whenever the sandbox may have changed, before it answers. */
  observe(): void {
    const truth = this.#sandbox.truth();
    const deleted = new Set<string>();
    const bumps = new Map<string, number | null>();
    for (const { seq, ticket_id, at, bumped, kind } of truth.log(this.#seen)) {
      this.#seen = seq;
      if (kind === "delete") deleted.add(ticket_id);
      bumps.set(ticket_id, bumped ? Date.parse(at) : (bumps.get(ticket_id) ?? null));
    }
    for (const [id, bumpedMs] of bumps) {
      const row = truth.row(id);
      const life = this.#lives.get(id) ?? this.#newLife(id);
      if (row === null) {
        life.gone = deleted.has(id) ? "deleted" : (life.gone ?? "merged");
        continue;
      }
      const version = this.#readVersion(row);
      if (life.versions.at(-1)?.content !== version.content) life.versions.push(version);
      if (bumpedMs !== null) {
        life.bumpedVersion = life.versions.length - 1;
        life.bumpedMs = bumpedMs;
      }
    }
  }

  /** Where a content stands in a ticket's life at or after `from`; -1 when the ticket never had it then. */
  versionOf(ticketId: string, content: string, from: number): number {
    const versions = this.#lives.get(ticketId)?.versions ?? [];
    return versions.findIndex((version, at) => at >= from && version.content === content);
  }

  /** Why the list does not show a ticket; null = it does. */
  whyGone(ticketId: string): "deleted" | "merged" | null {
    return this.#lives.get(ticketId)?.gone ?? null;
  }

  /** Listed tickets whose last bump lies in [fromMs, toMs), with the version that it made. */
  *bumpedBetween(fromMs: number, toMs: number): Generator<readonly [string, number]> {
    for (const [id, { gone, bumpedMs, bumpedVersion }] of this.#lives)
      if (gone === null && bumpedMs >= fromMs && bumpedMs < toMs) yield [id, bumpedVersion];
  }

  /** Listed tickets with the version that they had at an instant of our clock, whether or not it moved their stamp. */
  *presentAt(atMs: number): Generator<readonly [string, number]> {
    for (const [id, { gone, versions }] of this.#lives) {
      const version = versions.findLastIndex(({ sinceMs }) => sinceMs <= atMs);
      if (gone === null && version >= 0) yield [id, version];
    }
  }

  /** Whether a ticket may stand in a window that could not be read: in a version, the one that its last bump made unless told, or a newer one, since then only that could be read. */
  isHidden(
    ticketId: string,
    { by, bounds, other }: HoleState,
    since = this.#lives.get(ticketId)?.bumpedVersion ?? 0,
  ): boolean {
    const versions = this.#lives.get(ticketId)?.versions.slice(since) ?? [];
    return versions.some(({ created, updated }) => {
      const [along, across] = by === "create_date" ? [created, updated] : [updated, created];
      return isWithin(along, bounds) && isWithin(across, other ?? { from: null, to: null });
    });
  }

  /** Tickets that were deleted. */
  get deleted(): number {
    return [...this.#lives.values()].filter(({ gone }) => gone === "deleted").length;
  }

  /** What each listed ticket holds now. */
  *present(): Generator<readonly [string, string]> {
    for (const [id, { gone, versions }] of this.#lives)
      if (gone === null) yield [id, versions.at(-1)?.content ?? ""];
  }

  #newLife(id: string): Life {
    const life: Life = {
      versions: [],
      bumpedVersion: 0,
      bumpedMs: Number.NEGATIVE_INFINITY,
      gone: null,
    };
    this.#lives.set(id, life);
    return life;
  }

  #readVersion(row: object): Version {
    const normalised = normaliseTicket({ ...row, ...this.#unknown }, "sim", this.#wallClock);
    if (!normalised.ok) throw new Error(`the sandbox's own row is broken: ${normalised.detail}`);
    const { ticket, messages } = normalised.observed;
    const parts = messages.map((message) => [
      message.message_id,
      messageHash(message),
      message.ratings,
    ]);
    return {
      content: JSON.stringify([ticketHash(ticket), parts]),
      created: minuteOf(ticket.created_at_raw ?? ""),
      updated: minuteOf(ticket.updated_at_raw ?? ""),
      sinceMs: this.#clock.now(),
    };
  }
}

function isWithin(minute: string, { from, to }: HoleState["bounds"]): boolean {
  return (from ?? "") <= minute && minute <= minuteOf(to ?? "9999");
}

/** The same text for what the extractor holds. */
export function contentOfState({ content_hash, messages }: TicketState): string {
  const parts = messages.map((ref) => [ref.message_id, ref.content_hash, ref.ratings]);
  return JSON.stringify([content_hash, parts]);
}
