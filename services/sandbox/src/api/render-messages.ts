import { statuses } from "../population/catalogue.ts";
import { mix } from "../population/draw.ts";
import { type FoldedMessage, fates, messageTypes } from "../population/ticket-fold.ts";
import { attachmentsOf, bodyOf } from "../population/ticket-text.ts";
import type { Notation } from "./notation.ts";
import type { Rendering, Row } from "./render-ticket.ts";

/** How the messages of one answer are laid out. */
export interface MessageLayout {
  readonly order: "oldest_first" | "newest_first" | "shuffled" | "by_id";
  readonly salt: number;
  readonly ratings: boolean;
}

interface Placed {
  readonly id: number;
  readonly atS: number;
  readonly rendered: Row;
}

/** Messages of the row that `to.fold` holds, with those of the tickets merged into it. */
export function messagesOf(
  to: Rendering,
  row: number,
  notation: Notation,
  layout: MessageLayout,
): Row[] {
  const { fold, population } = to;
  if (fold.fate === fates.merged && population.movesMessages) return [];
  const placed: Placed[] = [];
  const absorbed = fold.absorbed;
  collect(to, notation, layout, placed);
  for (const number of absorbed) gather(to, number, notation, layout, placed);
  if (absorbed.length > 0) population.foldOf(row, fold);
  const age = (a: Placed, b: Placed) => a.atS - b.atS || a.id - b.id;
  if (layout.order === "oldest_first") placed.sort(age);
  if (layout.order === "newest_first") placed.sort((a, b) => age(b, a));
  if (layout.order === "by_id") placed.sort((a, b) => a.id - b.id);
  if (layout.order === "shuffled") {
    placed.sort((a, b) => mix(layout.salt, a.id) - mix(layout.salt, b.id));
  }
  return placed.map(({ rendered }) => rendered);
}

/** Adds what ticket `number` brought along, and what had been merged into it before. */
function gather(
  to: Rendering,
  number: number,
  notation: Notation,
  layout: MessageLayout,
  placed: Placed[],
): void {
  to.population.foldOf(to.population.rowOfNumber(number), to.fold);
  const absorbed = to.fold.absorbed;
  if (to.population.movesMessages) collect(to, notation, layout, placed);
  for (const other of absorbed) gather(to, other, notation, layout, placed);
}

function collect(to: Rendering, notation: Notation, layout: MessageLayout, placed: Placed[]): void {
  const { fold, population } = to;
  for (let seq = 0; seq < fold.messageCount; seq++) {
    const message = fold.messages[seq] as FoldedMessage;
    if (message.removed) continue;
    const id = population.messageIdOf(fold.number, seq);
    const rendered = renderMessage(to, message, id, notation, layout);
    placed.push({ id, atS: message.atS, rendered });
  }
}

function renderMessage(
  to: Rendering,
  message: FoldedMessage,
  id: number,
  notation: Notation,
  layout: MessageLayout,
): Row {
  const { fold, population, seed } = to;
  const base = 100 + message.seq * 8;
  const text = (value: string, field: number) =>
    value === "" ? notation.none(base + field) : value;
  const written =
    message.payload?.text ?? (message.noteOnly ? "" : bodyOf(seed, fold.number, message));
  const body = message.seq === 0 ? enlarged(to, written) : written;
  const isComment = message.type === 2;
  const login = population.logins[message.user] ?? "";
  // A phone call is written down after it took place: its message is back-dated.
  const early = message.seq === 0 && fold.source === 3 && fold.number % 3 === 0 ? 420 : 0;
  const rendered: Row = {
    message_id: notation.id(id, "int", base),
    user_login: text(message.type === 0 ? "" : login, 1),
    type: messageTypes[message.type],
    body: text(isComment ? "" : body, 2),
    comment: text(isComment ? body : "", 3),
    system_comment: text(noteOf(message.note), 4),
    created_at: notation.stamp(population.zone.wallOf(message.atS - early), base + 5),
    attachments: message.payload?.attachments ?? attachmentsOf(seed, fold.number, message),
  };
  if (layout.ratings) rendered["ratings"] = [...message.ratings];
  return rendered;
}

function noteOf(note: number): string {
  if (note === 0) return "";
  const name = (id: number) => statuses.find((status) => status.id === id)?.name ?? "";
  return `Changed status from [${name(note >> 4)}] to [${name(note & 15)}]`;
}

/** A25: the body of one ticket in so many, filled up to so many bytes. */
function enlarged(to: Rendering, body: string): string {
  const big = to.switches.big_ticket;
  if (big === null || to.fold.number % big.every !== big.every - 1) return body;
  return body + "x".repeat(Math.max(0, big.bytes - body.length));
}
