import { HourlyStream, historicArrivals } from "./calendar.ts";
import { logins } from "./catalogue.ts";
import { Columns } from "./columns.ts";
import { Draw } from "./draw.ts";
import { deeds } from "./life.ts";
import { type Birth, type Done, firstProgrammedNumber, type Life, Lives } from "./lives.ts";
import { Pending } from "./pending.ts";
import { SortedRows } from "./sorted-rows.ts";
import { stirDeed } from "./stir.ts";
import { fates, type Payload, TicketFold, type TouchOn } from "./ticket-fold.ts";
import { TruthLog } from "./truth-log.ts";
import type { Zone } from "./zone.ts";

/** What a population is a pure function of, beside the time. */
export interface PopulationOptions {
  /** 32 bits. */
  readonly seed: number;
  /** Start instant, whole seconds since 1970: what is older is history, what is newer is living. */
  readonly startS: number;
  /** How many tickets were created before the start. */
  readonly tickets: number;
  /** Over how many days before the start. */
  readonly historyDays: number;
  /** Mean number of changes an hour after the start, over a week. */
  readonly changesPerHour: number;
  readonly zone: Zone;
  readonly touchOn: TouchOn;
  /** Whether merged tickets stay in the list. */
  readonly listsMerged: boolean;
  /** Whether a merged ticket's messages turn up in the other ticket. */
  readonly movesMessages: boolean;
}

/** API id of ticket number 0. */
export const firstTicketId = 101;
const messagesPerTicket = 4096;
/** A new ticket's natural life has about so many deeds. */
const deedsPerLife = 11;

/**
 * The store: every ticket's columns, the two orders, the deeds to come. A ticket's state is never changed
 * in place but folded again from its deeds, so that columns, pages and truth cannot disagree.
 */
export class Population {
  readonly columns: Columns;
  readonly byCreated: SortedRows;
  readonly byUpdated: SortedRows;
  readonly log = new TruthLog();
  readonly logins: string[] = [...logins];
  readonly zone: Zone;
  /** Tickets that the list shows. */
  listedTickets = 0;
  /** Messages that they show. */
  listedMessages = 0;
  /** Time of the population, whole seconds since 1970. */
  nowS: number;
  readonly #options: PopulationOptions;
  readonly #lives: Lives;
  readonly #fold: TicketFold;
  readonly #pending: Pending;
  readonly #arrivals: HourlyStream;
  readonly #stirs: HourlyStream;
  readonly #draw = new Draw();
  #natural = 0;
  #programmed = 0;
  #rowOfNatural: Int32Array;
  readonly #rowOfProgrammed: number[] = [];
  /** History is folded without log and index. */
  #living = false;

  constructor(options: PopulationOptions) {
    const { seed, startS, zone, changesPerHour } = options;
    this.#options = options;
    this.zone = zone;
    this.nowS = startS;
    const fromS = startS - Math.round(options.historyDays * 86_400);
    const baseS = fromS - 30 * 86_400;
    this.columns = new Columns(options.tickets + 4096);
    this.#rowOfNatural = new Int32Array(options.tickets + 4096);
    this.byCreated = new SortedRows(baseS);
    this.byUpdated = new SortedRows(baseS);
    this.#lives = new Lives(seed, zone);
    this.#fold = this.newFold();
    this.#pending = new Pending(baseS);
    this.#arrivals = new HourlyStream(seed, zone, changesPerHour / 2 / deedsPerLife, 21, startS);
    this.#stirs = new HourlyStream(seed, zone, changesPerHour / 2, 22, startS);
    this.#layDownHistory(fromS);
    this.#living = true;
  }

  /** A fold of its own, for who must hold two tickets at once. */
  newFold(): TicketFold {
    return new TicketFold(this.#options.touchOn);
  }

  /** Makes everything happen up to `toS`, in one order whatever the steps. Time never goes back. */
  advanceTo(toS: number): void {
    for (;;) {
      const arrivalS = this.#arrivals.nextS;
      const pendingS = this.#pending.nextS;
      const nextS = Math.min(arrivalS, pendingS, this.#stirs.nextS);
      if (nextS > toS) break;
      this.nowS = Math.max(this.nowS, nextS);
      if (arrivalS === nextS) {
        this.#arrivals.take();
        this.#settle(this.#addNatural(nextS), nextS);
      } else if (pendingS === nextS) {
        this.#settle(this.#pending.pop(), nextS);
      } else {
        this.#stir(nextS);
      }
    }
    this.nowS = Math.max(this.nowS, toS);
  }

  /** API id of a row. */
  ticketIdOf(row: number): number {
    const number = this.columns.number[row] as number;
    return number < firstProgrammedNumber ? number + firstTicketId : number;
  }

  /** Row of a ticket number; −1 when there is none (yet). */
  rowOfNumber(number: number): number {
    if (number >= firstProgrammedNumber) {
      return this.#rowOfProgrammed[number - firstProgrammedNumber] ?? -1;
    }
    return number >= 0 && number < this.#natural ? (this.#rowOfNatural[number] as number) : -1;
  }

  /** Row of an API id; −1 when there is none. */
  rowOfTicket(ticketId: number): number {
    return this.rowOfNumber(
      ticketId >= firstProgrammedNumber ? ticketId : ticketId - firstTicketId,
    );
  }

  /** API id of a message. */
  messageIdOf(number: number, seq: number): number {
    return number * messagesPerTicket + seq + 1;
  }

  /** Row of the ticket that shows this message; −1 when none does. */
  rowOfMessage(messageId: number): number {
    const number = Math.floor((messageId - 1) / messagesPerTicket);
    const seq = (messageId - 1) % messagesPerTicket;
    let row = this.rowOfNumber(number);
    if (row < 0) return -1;
    let fold = this.foldOf(row, this.#fold);
    if (seq >= fold.messageCount || fold.messages[seq]?.removed) return -1;
    while (fold.fate === fates.merged && this.#options.movesMessages) {
      row = this.rowOfNumber(fold.mergedInto);
      fold = this.foldOf(row, this.#fold);
    }
    return row;
  }

  /** Whether the list shows this row. */
  isListed(row: number): boolean {
    const fate = this.columns.fate[row];
    return fate === fates.live || (fate === fates.merged && this.#options.listsMerged);
  }

  /** Whether a merged ticket still shows its own messages. */
  get movesMessages(): boolean {
    return this.#options.movesMessages;
  }

  /** The ticket's state now, folded into `into`. */
  foldOf(row: number, into: TicketFold): TicketFold {
    this.#lives.fold(this.#lifeOf(row), this.nowS, into);
    return into;
  }

  /**
   * Adds a programmed deed, applied now and stamped `stampS`; whether it changed anything.
   * A deed without effect leaves no trace.
   */
  act(row: number, deed: number, stampS: number, arg: number, payload: Payload | null): boolean {
    const extra = { appliedS: this.nowS, stampS, deed, arg, payload };
    this.#lives.add(row, extra);
    let changed = false;
    this.#lives.fold(this.#lifeOf(row), this.nowS, this.#fold, (done) => {
      if (done.extra === extra) changed = true;
    });
    if (changed) {
      this.#note(row, this.nowS, deed, this.#fold.bumped);
      this.#record(row, this.#fold);
    } else this.#lives.dropLast(row);
    return changed;
  }

  /** Adds a programmed ticket stamped `stampS` and returns its row. */
  bear(birth: Birth, stampS: number): number {
    const row = this.columns.add(firstProgrammedNumber + this.#programmed++);
    this.#rowOfProgrammed.push(row);
    this.#lives.setBirth(row, birth);
    this.#place(row, stampS);
    this.#settle(row, this.nowS);
    return row;
  }

  #layDownHistory(fromS: number): void {
    const { seed, startS, tickets, zone } = this.#options;
    const arrivals = historicArrivals(seed, zone, { fromS, toS: startS, count: tickets });
    const merges: { atS: number; row: number; into: number }[] = [];
    for (const createdS of arrivals) {
      const row = this.#addNatural(createdS);
      this.#settle(row, startS);
      if (this.columns.fate[row] === fates.merged) {
        merges.push({
          atS: this.#fold.goneS,
          row,
          into: this.rowOfNumber(this.#fold.mergedInto),
        });
      }
    }
    merges.sort((a, b) => a.atS - b.atS || a.row - b.row);
    for (const { atS, row, into } of merges) {
      const arg = this.columns.number[row] as number;
      const deed = deeds.absorb;
      this.#lives.add(into, { appliedS: atS, stampS: atS, deed, arg, payload: null });
    }
    for (const { into } of merges) this.#settle(into, startS);
    const { columns } = this;
    const listed = (row: number) => this.isListed(row);
    this.byCreated.build(columns.rows, (row) => columns.createdWallS[row] as number, listed);
    this.byUpdated.build(columns.rows, (row) => columns.updatedWallS[row] as number, listed);
  }

  #addNatural(createdS: number): number {
    const number = this.#natural++;
    const row = this.columns.add(number);
    if (number >= this.#rowOfNatural.length) {
      const larger = new Int32Array(number * 2);
      larger.set(this.#rowOfNatural);
      this.#rowOfNatural = larger;
    }
    this.#rowOfNatural[number] = row;
    this.#place(row, createdS);
    return row;
  }

  #place(row: number, createdS: number): void {
    this.columns.createdS[row] = createdS;
    this.columns.createdWallS[row] = this.zone.wallOf(createdS);
    this.columns.settledS[row] = createdS - 1;
    this.columns.fate[row] = notYet;
  }

  /** Takes the row's natural deeds up to `untilS` into the columns, the log and the orders. */
  #settle(row: number, untilS: number): void {
    const settledS = this.columns.settledS[row] as number;
    const note = (done: Done) => {
      if (done.extra === null && done.atS > settledS)
        this.#note(row, done.atS, done.deed, done.bumped);
    };
    const life = this.#lifeOf(row);
    const foldNextS = this.#lives.fold(life, untilS, this.#fold, this.#living ? note : undefined);
    this.#record(row, this.#fold);
    const { nextS } = this.columns;
    if (foldNextS !== nextS[row]) {
      nextS[row] = foldNextS;
      if (foldNextS !== 0) this.#pending.push(foldNextS, row);
    }
    this.columns.settledS[row] = untilS;
  }

  #lifeOf(row: number): Life {
    const number = this.columns.number[row] as number;
    return { row, number, createdS: this.columns.createdS[row] as number };
  }

  #note(row: number, atS: number, deed: number, bumped: boolean): void {
    this.log.add(atS, this.ticketIdOf(row), deed, bumped);
  }

  /** Writes a fold into the columns and moves the row within the orders. */
  #record(row: number, fold: TicketFold): void {
    const { columns } = this;
    const wasListed = this.isListed(row);
    const wallBefore = columns.updatedWallS[row] as number;
    const fateBefore = columns.fate[row];
    if (wasListed) this.listedMessages -= this.shownMessages(row);
    columns.status[row] = fold.status;
    columns.queue[row] = fold.queue;
    columns.category[row] = fold.category;
    columns.source[row] = fold.source;
    columns.user[row] = fold.user;
    columns.customer[row] = fold.customer;
    columns.fate[row] = fold.fate;
    columns.updatedWallS[row] = this.zone.wallOf(fold.updatedS);
    let thread = fold.shownCount;
    for (const number of this.#options.movesMessages ? fold.absorbed : []) {
      thread += columns.thread[this.rowOfNumber(number)] as number;
    }
    columns.thread[row] = thread;
    const listed = this.isListed(row);
    if (listed) this.listedMessages += this.shownMessages(row);
    this.listedTickets += Number(listed) - Number(wasListed);
    if (!this.#living) return;
    this.#reorder(row, wasListed, listed, wallBefore);
    if (fold.fate === fates.merged && fateBefore !== fates.merged) {
      const into = this.rowOfNumber(fold.mergedInto);
      this.act(into, deeds.absorb, this.nowS, columns.number[row] as number, null);
    }
  }

  #reorder(row: number, wasListed: boolean, listed: boolean, wallBefore: number): void {
    const updatedWallS = this.columns.updatedWallS[row] as number;
    const createdWallS = this.columns.createdWallS[row] as number;
    if (wasListed && listed && wallBefore === updatedWallS) return;
    if (wasListed) this.byUpdated.remove(wallBefore, row);
    if (listed) this.byUpdated.insert(updatedWallS, row);
    if (wasListed && !listed) this.byCreated.remove(createdWallS, row);
    if (!wasListed && listed) this.byCreated.insert(createdWallS, row);
  }

  /** Messages that this row shows. */
  shownMessages(row: number): number {
    if (this.columns.fate[row] === fates.merged && this.#options.movesMessages) return 0;
    return this.columns.thread[row] as number;
  }

  /** Something happens to a ticket of any age, likely a young one. */
  #stir(atS: number): void {
    const draw = this.#draw.reset(this.#options.seed, this.#stirs.hour, 1000 + this.#stirs.index);
    this.#stirs.take();
    for (let attempt = 0; attempt < 4; attempt++) {
      const row = this.columns.rows - 1 - Math.floor(this.columns.rows * draw.unit() ** 4);
      if (this.columns.fate[row] !== fates.live) continue;
      const { deed, arg } = stirDeed(draw, this.columns.status[row] as number);
      if (this.act(row, deed, atS, arg, null)) return;
    }
  }
}

/** Fate of a row between being added and its first fold: not listed. */
const notYet = 255;
