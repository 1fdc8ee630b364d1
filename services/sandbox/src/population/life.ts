import {
  automaticLogin,
  categories,
  customerCount,
  customFields,
  firstCustomerId,
  logins,
  queues,
  sources,
  statuses,
  tags,
} from "./catalogue.ts";
import { Draw } from "./draw.ts";
import type { Zone } from "./zone.ts";

/** What can happen to a ticket. Numbers, since lives are generated into arrays. */
export const deeds = {
  create: 0,
  mail: 1,
  reply: 2,
  comment: 3,
  assign: 4,
  status: 5,
  close: 6,
  queue: 7,
  category: 8,
  tag: 9,
  untag: 10,
  custom_field: 11,
  rate: 12,
  postpone: 13,
  wake: 14,
  merge: 15,
  delete: 16,
  touch: 17,
  edit: 18,
  subject: 19,
  customer: 20,
  remove_message: 21,
  absorb: 22,
} as const;
/** Name of a deed. */
export type DeedName = keyof typeof deeds;
/** Names by number. */
export const deedNames = Object.keys(deeds) as DeedName[];

/** Streams of chance that do not disturb each other. */
const purposes = { life: 1, profile: 2 } as const;

/** What a ticket starts as. Indices into the catalogue. */
export interface Profile {
  queue: number;
  /** −1 = none. */
  category: number;
  source: number;
  /** Customer id; 0 = unknown. */
  customer: number;
  /** First value of each custom field, as index. */
  readonly customs: Int32Array;
  /** Whether the ticket has custom fields at all: without, the API writes `[]`. */
  hasCustoms: boolean;
}

/** Fate is one draw: below the first bound the ticket stays, below the second it merges, else it is deleted. */
const staysBelow = 0.984;
const mergesBelow = 0.992;

const minute = 60;
const hour = 3600;
const day = 86_400;
/** Nothing natural happens to a ticket later than this after its creation, in seconds. */
export const longestLifeS = 75 * day;

/**
 * Writes the natural life of a ticket, a pure function of (seed, ticket number, creation instant), into
 * its own arrays; they are valid until the next call.
 */
export class LifeWriter {
  count = 0;
  readonly atS = new Float64Array(128);
  readonly deed = new Uint8Array(128);
  readonly arg = new Int32Array(128);
  readonly #seed: number;
  readonly #zone: Zone;
  readonly #draw = new Draw();

  constructor(seed: number, zone: Zone) {
    this.#seed = seed;
    this.#zone = zone;
  }

  /** Fills {@link atS}, {@link deed} and {@link arg}: strictly increasing instants, `create` first. */
  write(number: number, createdS: number): void {
    const draw = this.#draw.reset(this.#seed, number, purposes.life);
    this.count = 0;
    this.#push(createdS, deeds.create, 0);
    const fate = draw.unit();
    const agent = 1 + draw.below(logins.length - 2);
    if (draw.chance(0.06)) this.#push(createdS + 1 + draw.below(40), deeds.reply, automaticLogin);
    let atS = this.#opening(draw, createdS, agent);
    if (fate >= staysBelow && fate < mergesBelow) {
      this.#push(atS + draw.wait(2 * hour), deeds.merge, number);
      return;
    }
    atS = draw.chance(0.05) ? atS : this.#talk(draw, atS, agent);
    atS = this.#ending(draw, atS, agent);
    if (fate >= mergesBelow) this.#push(atS + draw.wait(6 * day), deeds.delete, 0);
  }

  /** The life of a programmed ticket: nothing happens to it by nature. */
  writeBirth(createdS: number): void {
    this.count = 0;
    this.#push(createdS, deeds.create, 0);
  }

  #opening(draw: Draw, createdS: number, agent: number): number {
    let atS = createdS;
    if (draw.chance(0.08)) {
      atS = this.#office(draw, atS + draw.wait(20 * minute));
      this.#push(atS, deeds.queue, draw.below(queues.length));
    }
    if (draw.chance(0.8)) {
      atS = this.#office(draw, atS + draw.wait(25 * minute));
      this.#push(atS, deeds.assign, agent);
    }
    if (draw.chance(0.6))
      this.#push(atS + draw.below(600), deeds.category, draw.below(categories.length));
    for (let n = draw.below(4); n > 1; n--)
      this.#push(atS + draw.below(900), deeds.tag, draw.below(tags.length));
    return atS;
  }

  #talk(draw: Draw, fromS: number, agent: number): number {
    let atS = fromS;
    for (let round = 0; round < 9; round++) {
      if (draw.chance(0.3))
        this.#push(this.#office(draw, atS + draw.wait(30 * minute)), deeds.comment, agent);
      if (draw.chance(0.09)) atS = this.#pause(draw, atS);
      atS = this.#office(draw, atS + draw.wait(50 * minute));
      const by = draw.chance(0.12) ? 1 + draw.below(logins.length - 2) : agent;
      this.#push(atS, deeds.reply, by);
      if (draw.chance(0.15)) {
        const field = draw.below(customFields.length);
        const value = draw.below(customFields[field]?.values.length ?? 1);
        this.#push(atS + draw.below(1800), deeds.custom_field, field * 64 + value);
      }
      if (draw.chance(0.58)) break;
      atS += draw.wait(5 * hour);
      this.#push(atS, deeds.mail, 0);
      if (draw.chance(0.15)) this.#push(atS + 60 + draw.below(1200), deeds.mail, 0);
    }
    return atS;
  }

  /** Postpones until a quarter hour of a working morning: many tickets flip back in that same minute. */
  #pause(draw: Draw, atS: number): number {
    const postponedS = this.#office(draw, atS + draw.wait(20 * minute));
    this.#push(postponedS, deeds.postpone, 0);
    const wallS = this.#zone.wallOf(postponedS);
    const quarter = draw.chance(0.7) ? 8 * 4 : 7 * 4 + draw.below(40);
    const today = Math.floor(wallS / day);
    const toMonday = (8 - ((today + 4) % 7)) % 7 || 7;
    const daysAhead = draw.chance(0.5) ? toMonday : 1 + draw.below(6);
    const wakeWallS = (today + daysAhead) * day + quarter * 15 * minute;
    const wakeS = postponedS + (wakeWallS - wallS);
    this.#push(wakeS + draw.below(20), deeds.wake, 0);
    return wakeS;
  }

  #ending(draw: Draw, fromS: number, agent: number): number {
    let atS = fromS;
    if (draw.chance(0.015)) return atS;
    const reopens = draw.chance(0.1) ? 1 : 0;
    for (let round = 0; round <= reopens; round++) {
      atS = this.#office(draw, atS + draw.wait(7 * hour));
      this.#push(atS, deeds.close, draw.below(5));
      if (draw.chance(0.22)) {
        atS += draw.wait(9 * hour);
        this.#push(atS, deeds.rate, 1 + draw.below(5));
      }
      if (round === reopens) break;
      atS += draw.wait(30 * hour);
      this.#push(atS, deeds.mail, 0);
      atS = this.#office(draw, atS + draw.wait(2 * hour));
      this.#push(atS, deeds.reply, agent);
    }
    return atS;
  }

  /** The same instant during working hours (07–19 on weekdays), else some time on the next working morning. */
  #office(draw: Draw, atS: number): number {
    const wallS = this.#zone.wallOf(atS);
    const dayNumber = Math.floor(wallS / day);
    const secondOfDay = wallS - dayNumber * day;
    const weekday = (dayNumber + 4) % 7;
    const delayS = draw.wait(50 * minute);
    const weekend = weekday === 0 || weekday === 6;
    if (!weekend && secondOfDay >= 7 * hour && secondOfDay < 19 * hour) return atS;
    let ahead = !weekend && secondOfDay < 7 * hour ? 0 : 1;
    while ((weekday + ahead) % 7 === 0 || (weekday + ahead) % 7 === 6) ahead++;
    return atS + ahead * day - secondOfDay + 7 * hour + delayS;
  }

  #push(atS: number, deed: number, arg: number): void {
    const last = this.count - 1;
    const createdS = this.atS[0] ?? 0;
    let whole = Math.floor(atS);
    if (last >= 0) {
      if (whole > createdS + longestLifeS) return;
      // A side step (a tag, a comment) may be drawn behind its successor: keep the array sorted.
      let slot = this.count;
      while (slot > 1 && (this.atS[slot - 1] as number) >= whole) slot--;
      if (slot < this.count) {
        this.#insert(slot, whole, deed, arg);
        return;
      }
      whole = Math.max(whole, (this.atS[last] as number) + 1);
    }
    this.#write(this.count++, whole, deed, arg);
  }

  #insert(slot: number, atS: number, deed: number, arg: number): void {
    for (let i = this.count; i > slot; i--) {
      this.#write(
        i,
        (this.atS[i - 1] as number) + 1,
        this.deed[i - 1] as number,
        this.arg[i - 1] as number,
      );
    }
    const floorS = (this.atS[slot - 1] as number) + 1;
    this.#write(slot, Math.max(atS - 1, floorS), deed, arg);
    this.count++;
  }

  #write(slot: number, atS: number, deed: number, arg: number): void {
    this.atS[slot] = atS;
    this.deed[slot] = deed;
    this.arg[slot] = arg;
  }
}

const fateDraw = new Draw();

/** Whether a ticket neither merges nor is deleted by nature. */
export function fateAllowsMergeInto(seed: number, number: number): boolean {
  return fateDraw.reset(seed, number, purposes.life).unit() < staysBelow;
}

const shares = sources.map(({ share }) => share);
const profileDraw = new Draw();

/** Fills `profile` with what ticket `number` starts as; a pure function of (seed, number). */
export function profileOf(seed: number, number: number, profile: Profile): void {
  const draw = profileDraw.reset(seed, number, purposes.profile);
  profile.queue = Math.min(queues.length - 1, Math.floor(draw.unit() ** 1.7 * queues.length));
  profile.category = draw.chance(0.3) ? draw.below(categories.length) : -1;
  let rest = draw.unit();
  let source = 0;
  while (source < shares.length - 1 && rest >= (shares[source] as number))
    rest -= shares[source++] as number;
  profile.source = source;
  const known = draw.chance(0.85);
  profile.customer = known ? firstCustomerId + Math.floor(draw.unit() ** 2 * customerCount) : 0;
  profile.hasCustoms = draw.chance(0.85);
  for (let i = 0; i < profile.customs.length; i++) {
    const value = draw.below((customFields[i]?.values.length ?? 1) * 2);
    profile.customs[i] =
      profile.hasCustoms && value < (customFields[i]?.values.length ?? 1) ? value : 0;
  }
}

/** Sub-status ids of `Zamknięte` by the argument of `close`; 0 = none. */
export function closingSubstatus(arg: number): number {
  return statuses[5]?.substatuses[arg]?.id ?? 0;
}
