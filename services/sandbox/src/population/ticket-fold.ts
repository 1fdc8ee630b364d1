import { automaticLogin, customFields, queues, statusIds } from "./catalogue.ts";
import { closingSubstatus, deeds, type Profile } from "./life.ts";

/** What has become of a ticket. */
export const fates = { live: 0, merged: 1, deleted: 2 } as const;

/** Types of messages, by number. */
export const messageTypes = ["MAIL", "REPLY", "COMMENT"] as const;

/** Which changes move `updated_at` (A8). */
export type TouchOn = "all" | "messages_only" | "no_close";

/** What a programmed mutation may bring along; everything a natural deed says is in its number. */
export interface Payload {
  readonly text?: string;
  readonly name?: string;
  readonly value?: unknown;
  readonly attachments?: readonly string[];
}

/** One message while folding. */
export interface FoldedMessage {
  /** Place within the ticket; never given twice. */
  seq: number;
  /** The stamp, seconds since 1970. */
  atS: number;
  /** Index into {@link messageTypes}. */
  type: number;
  /** Index of a login; 0 = the customer or the system. */
  user: number;
  /** Status change it notes, as from × 16 + to; 0 = none. */
  note: number;
  /** Whether it carries nothing but that note. */
  noteOnly: boolean;
  edits: number;
  removed: boolean;
  ratings: unknown[];
  payload: Payload | null;
}

/**
 * A ticket's state as the result of its deeds so far: the one place that says what each deed does.
 * One object is reused for every ticket; read it before the next fold.
 */
export class TicketFold implements Profile {
  queue = 0;
  category = -1;
  source = 0;
  customer = 0;
  readonly customs = new Int32Array(customFields.length);
  hasCustoms = false;

  number = 0;
  createdS = 0;
  updatedS = 0;
  status: number = statusIds.new;
  substatus = 0;
  user = 0;
  tagMask = 0;
  /** 0 = not closed, or cleared by a reopening. */
  closedS = 0;
  /** Last time it was opened: created or reopened. */
  openedS = 0;
  /** When the span began that the last close ended. */
  closedSpanFromS = 0;
  firstReplyS = 0;
  fate: number = fates.live;
  mergedInto = -1;
  /** When it was merged or deleted; 0 = it was not. */
  goneS = 0;
  /** How many messages were ever added: seqs run below it. */
  messageCount = 0;
  /** How many of them were not removed. */
  shownCount = 0;
  /** Whether the last applied deed moved `updated_at`. */
  bumped = false;
  readonly messages: FoldedMessage[] = [];
  /** Numbers of the tickets merged into this one. */
  absorbed: number[] = [];
  /** Values set by name, over those of the catalogue; null = none were. */
  namedCustoms: Map<string, unknown> | null = null;
  extraTags: string[] = [];
  subject: string | null = null;
  from: string | null = null;
  readonly #touchOn: TouchOn;

  constructor(touchOn: TouchOn) {
    this.#touchOn = touchOn;
  }

  /** Forgets the ticket before; the profile part is filled by the caller. */
  begin(number: number, createdS: number): void {
    this.number = number;
    this.createdS = this.updatedS = this.openedS = createdS;
    this.status = statusIds.new;
    this.substatus = this.user = this.tagMask = this.closedS = this.firstReplyS = 0;
    this.fate = fates.live;
    this.mergedInto = -1;
    this.goneS = 0;
    this.messageCount = this.shownCount = 0;
    if (this.absorbed.length > 0) this.absorbed = [];
    if (this.extraTags.length > 0) this.extraTags = [];
    this.namedCustoms = null;
    this.subject = this.from = null;
  }

  /** Applies one deed with its stamp; whether anything changed. A ticket that is gone does not change. */
  apply(deed: number, stampS: number, arg: number, payload: Payload | null): boolean {
    if (this.fate !== fates.live) return false;
    const changed = this.#change(deed, stampS, arg, payload);
    this.bumped = changed && this.#bumps(deed);
    if (this.bumped) this.updatedS = stampS;
    return changed;
  }

  #bumps(deed: number): boolean {
    if (deed === deeds.touch || this.#touchOn === "all") return true;
    if (this.#touchOn === "no_close") return deed !== deeds.close;
    return deed <= deeds.comment || deed === deeds.absorb || deed === deeds.remove_message;
  }

  #change(deed: number, stampS: number, arg: number, payload: Payload | null): boolean {
    switch (deed) {
      case deeds.create:
      case deeds.mail:
        return this.#mail(stampS, payload);
      case deeds.reply:
        return this.#reply(stampS, arg, payload);
      case deeds.comment:
        return this.#add(2, stampS, arg, 0, false, payload);
      case deeds.assign:
        if (this.user === arg) return false;
        this.user = arg;
        if (this.status === statusIds.new && arg !== 0) this.#to(statusIds.working, 0, stampS);
        return true;
      case deeds.status:
        return this.#to(Math.floor(arg / 1000), arg % 1000, stampS) !== -1;
      case deeds.close:
        return this.#close(stampS, closingSubstatus(arg));
      case deeds.postpone:
        return this.status !== statusIds.closed && this.#to(statusIds.postponed, 0, stampS) !== -1;
      case deeds.wake:
        return this.status === statusIds.postponed && this.#to(statusIds.working, 0, stampS) !== -1;
      default:
        return this.#changeHead(deed, stampS, arg, payload);
    }
  }

  #changeHead(deed: number, stampS: number, arg: number, payload: Payload | null): boolean {
    switch (deed) {
      case deeds.queue: {
        const changed = this.queue !== arg && arg < queues.length;
        this.queue = arg;
        return changed;
      }
      case deeds.category: {
        const changed = this.category !== arg;
        this.category = arg;
        return changed;
      }
      case deeds.tag:
      case deeds.untag:
        return this.#tag(deed === deeds.tag, arg, payload);
      case deeds.custom_field:
        return this.#custom(arg, payload);
      case deeds.rate:
        return this.#rate(arg, payload);
      case deeds.merge:
        if (arg < 0) return false;
        this.fate = fates.merged;
        this.goneS = stampS;
        this.mergedInto = arg;
        this.status = statusIds.merged;
        this.substatus = 0;
        return true;
      case deeds.delete:
        this.fate = fates.deleted;
        this.goneS = stampS;
        return true;
      case deeds.touch:
        return true;
      case deeds.edit:
      case deeds.remove_message:
        return this.#rewrite(deed === deeds.edit, arg, payload);
      case deeds.subject:
        this.subject = payload?.text ?? "";
        return true;
      case deeds.customer:
        if (this.customer === arg) return false;
        this.customer = arg;
        return true;
      case deeds.absorb:
        this.absorbed.push(arg);
        return true;
      default:
        return false;
    }
  }

  /** The customer wrote: whatever the status was, it becomes `Nowe`. */
  #mail(stampS: number, payload: Payload | null): boolean {
    const note = noteOf(this.#to(statusIds.new, 0, stampS), statusIds.new);
    return this.#add(0, stampS, 0, note, false, payload);
  }

  #reply(stampS: number, user: number, payload: Payload | null): boolean {
    const automatic = user === automaticLogin;
    let note = 0;
    if (this.status !== statusIds.closed && !automatic) {
      note = noteOf(this.#to(statusIds.waiting, 0, stampS), statusIds.waiting);
    }
    if (this.firstReplyS === 0 && !automatic) this.firstReplyS = stampS;
    if (this.user === 0 && !automatic) this.user = user;
    return this.#add(1, stampS, user, note, false, payload);
  }

  /** Two closes in five leave a system comment; the others leave no trace but the status (A8). */
  #close(stampS: number, substatus: number): boolean {
    if (this.status === statusIds.closed) return false;
    const note = noteOf(this.#to(statusIds.closed, substatus, stampS), statusIds.closed);
    if (stampS % 5 < 2) this.#add(2, stampS, this.user, note, true, null);
    return true;
  }

  /** The status before, −1 when nothing changed, −2 when only the sub-status did. */
  #to(status: number, substatus: number, stampS: number): number {
    const before = this.status;
    if (before === status && this.substatus === substatus) return -1;
    this.status = status;
    this.substatus = substatus;
    if (status === statusIds.closed && before !== statusIds.closed) {
      this.closedS = stampS;
      this.closedSpanFromS = this.openedS;
    }
    if (before === statusIds.closed && status !== statusIds.closed) this.openedS = stampS;
    return before === status ? -2 : before;
  }

  #add(
    type: number,
    atS: number,
    user: number,
    note: number,
    noteOnly: boolean,
    payload: Payload | null,
  ): boolean {
    const seq = this.messageCount++;
    this.shownCount++;
    const message = this.messages[seq];
    if (message === undefined) {
      this.messages[seq] = {
        seq,
        atS,
        type,
        user,
        note,
        noteOnly,
        edits: 0,
        removed: false,
        ratings: [],
        payload,
      };
      return true;
    }
    message.atS = atS;
    message.type = type;
    message.user = user;
    message.note = note;
    message.noteOnly = noteOnly;
    message.edits = 0;
    message.removed = false;
    if (message.ratings.length > 0) message.ratings = [];
    message.payload = payload;
    return true;
  }

  #tag(on: boolean, arg: number, payload: Payload | null): boolean {
    const text = payload?.text;
    if (text !== undefined) {
      const had = this.extraTags.includes(text);
      if (had === on) return false;
      this.extraTags = on ? [...this.extraTags, text] : this.extraTags.filter((t) => t !== text);
      return true;
    }
    const bit = 1 << arg;
    if (((this.tagMask & bit) !== 0) === on) return false;
    this.tagMask ^= bit;
    return true;
  }

  #custom(arg: number, payload: Payload | null): boolean {
    if (payload?.name !== undefined) {
      this.namedCustoms = new Map(this.namedCustoms ?? []).set(payload.name, payload.value ?? null);
      return true;
    }
    const field = arg >> 6;
    const value = arg & 63;
    if (this.hasCustoms && this.customs[field] === value) return false;
    this.hasCustoms = true;
    this.customs[field] = value;
    return true;
  }

  /** A rating belongs to the last answer; at most three stay on one message. */
  #rate(arg: number, payload: Payload | null): boolean {
    for (let seq = this.messageCount - 1; seq >= 0; seq--) {
      const message = this.messages[seq] as FoldedMessage;
      if (message.type !== 1 || message.removed) continue;
      if (payload?.value !== undefined) message.ratings.push(payload.value);
      else if (message.ratings.length >= 3) return false;
      else message.ratings.push(ratingOf(arg, message.atS));
      return true;
    }
    return false;
  }

  #rewrite(edit: boolean, seq: number, payload: Payload | null): boolean {
    const message = seq < this.messageCount ? this.messages[seq] : undefined;
    if (message === undefined || message.removed) return false;
    if (edit) {
      message.edits++;
      if (payload !== null) message.payload = payload;
    } else {
      message.removed = true;
      this.shownCount--;
    }
    return true;
  }
}

function noteOf(before: number, after: number): number {
  return before > 0 ? before * 16 + after : 0;
}

/** Ratings come as numbers, sometimes as text, rarely as an object. */
function ratingOf(value: number, salt: number): unknown {
  if (salt % 23 === 0) return { rate: value, comment: "dziękuję 🙂" };
  return salt % 7 === 0 ? String(value) : value;
}
