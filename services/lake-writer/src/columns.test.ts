import type { Column, ColumnType } from "@thulium-stream/contracts";
import { describe, expect, it } from "vitest";
import {
  messageColumns,
  messageEventColumns,
  ticketColumns,
  ticketEventColumns,
} from "./columns.ts";

const shown = (type: ColumnType): string =>
  typeof type === "string"
    ? type
    : type.kind === "list"
      ? `list<${shown(type.element)}>`
      : `struct{${type.fields.map(({ id, name, type: inner }) => `${id} ${name} ${shown(inner)}`).join(", ")}}`;
const table = (columns: readonly Column[]) =>
  columns.map(({ id, name, type }) => `${id} ${name} ${shown(type)}`);

describe("columns", () => {
  it("keep their ids, names and types: released ones never move", () => {
    expect({
      ticket_events: table(ticketEventColumns),
      message_events: table(messageEventColumns),
      tickets: table(ticketColumns),
      messages: table(messageColumns),
    }).toMatchSnapshot();
  });

  it("have unique ids on every level", () => {
    for (const columns of [
      ticketEventColumns,
      messageEventColumns,
      ticketColumns,
      messageColumns,
    ]) {
      const ids = (list: readonly Column[]): number[] =>
        list.flatMap(({ id, type }) => [id, ...idsOf(type)]);
      const idsOf = (type: ColumnType): number[] =>
        typeof type === "string"
          ? []
          : type.kind === "struct"
            ? ids(type.fields)
            : [type.elementId, ...idsOf(type.element)];
      const all = ids(columns);
      expect(new Set(all).size).toBe(all.length);
    }
  });
});
