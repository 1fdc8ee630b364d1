import { deeds, fateAllowsMergeInto, LifeWriter, type Profile, profileOf } from "./life.ts";
import { fates, type Payload, type TicketFold } from "./ticket-fold.ts";
import type { Zone } from "./zone.ts";

/** Programmed tickets count from here, so that they never move a natural number. */
export const firstProgrammedNumber = 1_000_000_000;

/** Which ticket is meant. */
export interface Life {
  readonly row: number;
  readonly number: number;
  /** Seconds since 1970. */
  readonly createdS: number;
}

/** A deed that is not part of the natural life. */
export interface Extra {
  /** When it takes effect. */
  readonly appliedS: number;
  /** What the ticket's stamps say about it. */
  readonly stampS: number;
  readonly deed: number;
  readonly arg: number;
  readonly payload: Payload | null;
}

/** A deed that changed the ticket. */
export interface Done {
  readonly atS: number;
  readonly deed: number;
  /** Whether it moved `updated_at`. */
  readonly bumped: boolean;
  /** null when it was natural. */
  readonly extra: Extra | null;
}

/** What a programmed ticket starts as, where it differs from what chance gives it. */
export interface Birth {
  readonly profile: Partial<Omit<Profile, "customs">>;
  readonly payload: Payload | null;
  readonly subject?: string;
  readonly from?: string;
}

/** Whether a life belongs to a programmed ticket. */
const isProgrammed = (number: number) => number >= firstProgrammedNumber;

/** How far back a ticket looks for one to merge into. */
const mergeReach = 64;

/** Everything that happens to each ticket: the natural life, written anew whenever it is asked for, and what was added. */
export class Lives {
  readonly #seed: number;
  readonly #writer: LifeWriter;
  readonly #extras = new Map<number, Extra[]>();
  readonly #births = new Map<number, Birth>();

  constructor(seed: number, zone: Zone) {
    this.#seed = seed;
    this.#writer = new LifeWriter(seed, zone);
  }

  /** Adds a deed; those of one ticket come in the order of `appliedS`. */
  add(row: number, extra: Extra): void {
    const extras = this.#extras.get(row);
    if (extras === undefined) this.#extras.set(row, [extra]);
    else extras.push(extra);
  }

  /** Takes the ticket's newest added deed away again. */
  dropLast(row: number): void {
    this.#extras.get(row)?.pop();
  }

  setBirth(row: number, birth: Birth): void {
    this.#births.set(row, birth);
  }

  /**
   * Folds a ticket's deeds up to `untilS`, natural before added ones of the same second, telling each that changed
   * something. Returns the instant of its next natural deed, 0 when there is none.
   */
  fold(life: Life, untilS: number, into: TicketFold, tell?: (done: Done) => void): number {
    const writer = this.#writer;
    this.#begin(life, into);
    const extras = this.#extras.get(life.row);
    const birth = isProgrammed(life.number) ? this.#births.get(life.row) : undefined;
    let natural = 0;
    let added = 0;
    for (;;) {
      const atS =
        natural < writer.count ? (writer.atS[natural] as number) : Number.POSITIVE_INFINITY;
      const extra = extras?.[added];
      if (extra !== undefined && extra.appliedS < atS) {
        if (extra.appliedS > untilS) break;
        added++;
        const { appliedS, deed } = extra;
        if (into.apply(deed, extra.stampS, extra.arg, extra.payload)) {
          tell?.({ atS: appliedS, deed, bumped: into.bumped, extra });
        }
        continue;
      }
      if (atS > untilS) break;
      const deed = writer.deed[natural] as number;
      const arg = deed === deeds.merge ? this.#mergeTarget(life.number) : writer.arg[natural];
      const payload = deed === deeds.create ? (birth?.payload ?? null) : null;
      natural++;
      if (into.apply(deed, atS, arg as number, payload)) {
        tell?.({ atS, deed, bumped: into.bumped, extra: null });
      }
    }
    const ends = natural >= writer.count || into.fate !== fates.live;
    return ends ? 0 : (writer.atS[natural] as number);
  }

  #begin({ row, number, createdS }: Life, into: TicketFold): void {
    into.begin(number, createdS);
    profileOf(this.#seed, number, into);
    if (!isProgrammed(number)) {
      this.#writer.write(number, createdS);
      return;
    }
    this.#writer.writeBirth(createdS);
    const birth = this.#births.get(row);
    if (birth === undefined) return;
    Object.assign(into, birth.profile);
    into.subject = birth.subject ?? null;
    into.from = birth.from ?? null;
  }

  /** The nearest older ticket that lives on by nature; −1 when none is near. */
  #mergeTarget(number: number): number {
    for (let other = number - 1; other >= 0 && other > number - mergeReach; other--) {
      if (fateAllowsMergeInto(this.#seed, other)) return other;
    }
    return -1;
  }
}
