import type { Column, ColumnType } from "@thulium-stream/contracts";
import { describe, expect, it } from "vitest";
import { lakeTables } from "./columns.ts";

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
    const held = lakeTables.map(({ table: name, columns, partition }) => [
      name,
      table([...columns, partition]),
    ]);
    expect(Object.fromEntries(held)).toMatchSnapshot();
  });

  it("have a doc string on every level", () => {
    const bare = (columns: readonly Column[], path: string): readonly string[] =>
      columns.flatMap(({ name, type, doc }) => [
        ...(doc === "" ? [`${path}.${name}`] : []),
        ...bareInside(type, `${path}.${name}`),
      ]);
    const bareInside = (type: ColumnType, path: string): readonly string[] =>
      typeof type === "string"
        ? []
        : type.kind === "struct"
          ? bare(type.fields, path)
          : bareInside(type.element, path);
    expect(
      lakeTables.flatMap(({ table: name, columns, partition }) =>
        bare([...columns, partition], name),
      ),
    ).toEqual([]);
  });

  it("have unique ids on every level", () => {
    for (const { columns, partition } of lakeTables) {
      const ids = (list: readonly Column[]): number[] =>
        list.flatMap(({ id, type }) => [id, ...idsOf(type)]);
      const idsOf = (type: ColumnType): number[] =>
        typeof type === "string"
          ? []
          : type.kind === "struct"
            ? ids(type.fields)
            : [type.elementId, ...idsOf(type.element)];
      const all = ids([...columns, partition]);
      expect(new Set(all).size).toBe(all.length);
    }
  });
});
