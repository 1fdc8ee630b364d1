import { type Column, type ColumnType, Failure } from "@thulium-stream/contracts";

/** A field of an Iceberg schema as its JSON has it. */
export interface IcebergField {
  readonly id: number;
  readonly name: string;
  readonly required: boolean;
  readonly type: IcebergType;
  readonly doc?: string;
}

/** A type of an Iceberg schema as its JSON has it. */
export type IcebergType =
  | string
  | {
      readonly type: "list";
      readonly "element-id": number;
      readonly "element-required": boolean;
      readonly element: IcebergType;
    }
  | { readonly type: "struct"; readonly fields: readonly IcebergField[] }
  | { readonly type: "map" };

/** An Iceberg schema as table metadata has it. */
export interface IcebergSchema {
  readonly type: "struct";
  readonly "schema-id": number;
  readonly fields: readonly IcebergField[];
}

const leafTypes = {
  text: "string",
  integer: "long",
  boolean: "boolean",
  instant: "timestamptz",
} as const;

/** The columns as an Iceberg schema. */
export function schemaOf(columns: readonly Column[], schemaId: number): IcebergSchema {
  return { type: "struct", "schema-id": schemaId, fields: columns.map(fieldOf) };
}

function fieldOf({ id, name, type, doc }: Column): IcebergField {
  return { id, name, required: false, type: typeOf(type), ...(doc === "" ? {} : { doc }) };
}

function typeOf(type: ColumnType): IcebergType {
  if (typeof type === "string") return leafTypes[type];
  if (type.kind === "struct") return { type: "struct", fields: type.fields.map(fieldOf) };
  return {
    type: "list",
    "element-id": type.elementId,
    "element-required": false,
    element: typeOf(type.element),
  };
}

/** The columns that an Iceberg schema describes. @throws Failure `InvalidSettings` for a type that this version does not know. */
export function columnsOfSchema({ fields }: Pick<IcebergSchema, "fields">): readonly Column[] {
  return fields.map(({ id, name, type, doc = "" }) => ({
    id,
    name,
    type: columnTypeOf(type, name),
    doc,
  }));
}

function columnTypeOf(type: IcebergType, name: string): ColumnType {
  if (typeof type === "string") {
    for (const [ours, theirs] of Object.entries(leafTypes))
      if (theirs === type) return ours as keyof typeof leafTypes;
  } else if (type.type === "struct") return { kind: "struct", fields: columnsOfSchema(type) };
  else if (type.type === "list")
    return {
      kind: "list",
      elementId: type["element-id"],
      element: columnTypeOf(type.element, `${name}.element`),
    };
  throw new Failure(
    "InvalidSettings",
    `column ${name} has the type ${JSON.stringify(type)}, which this version does not know`,
    { advice: "Another engine changed the table: remove that column there." },
  );
}

/** Ids of all fields and list elements of columns, nested ones included. */
export function idsOf(columns: readonly Column[]): readonly number[] {
  return columns.flatMap(({ id, type }) => [id, ...idsInside(type)]);
}

function idsInside(type: ColumnType): readonly number[] {
  if (typeof type === "string") return [];
  return type.kind === "struct" ? idsOf(type.fields) : [type.elementId, ...idsInside(type.element)];
}

/** `schema.name-mapping.default`: columns of files that carry no field ids are found by name. */
export function nameMappingOf(columns: readonly Column[]): readonly object[] {
  return columns.map(({ id, name, type }) => mappingOf(id, name, type));
}

function mappingOf(id: number, name: string, type: ColumnType): object {
  const own = { "field-id": id, names: [name] };
  if (typeof type === "string") return own;
  const fields =
    type.kind === "struct"
      ? nameMappingOf(type.fields)
      : [mappingOf(type.elementId, "element", type.element)];
  return { ...own, fields };
}

/**
 * What the table's columns become when a writer brings `wanted`: columns are added, on every level; one that the writer does not know stays.
 * Returns null when nothing is new. @throws Failure `InvalidSettings` when a column would change its type or two columns share an id.
 */
export function evolvedColumns(
  held: readonly Column[],
  wanted: readonly Column[],
): readonly Column[] | null {
  const { columns, isChanged } = merged(held, wanted, "");
  return isChanged ? columns : null;
}

function merged(held: readonly Column[], wanted: readonly Column[], path: string) {
  let isChanged = false;
  const columns = held.map((column) => {
    const match = wanted.find(({ id }) => id === column.id);
    if (match === undefined) return column;
    const name = path + column.name;
    if (match.name !== column.name) throw clash(name, `the name ${match.name}`);
    const type = mergedType(column.type, match.type, name);
    if (type === null) return column;
    isChanged = true;
    return { ...column, type };
  });
  const known = new Set(held.map(({ id }) => id));
  const added = wanted.filter(({ id }) => !known.has(id));
  for (const { name } of added)
    if (held.some((column) => column.name === name)) throw clash(path + name, "another id");
  return { columns: [...columns, ...added], isChanged: isChanged || added.length > 0 };
}

/** null = unchanged. */
function mergedType(held: ColumnType, wanted: ColumnType, path: string): ColumnType | null {
  if (typeof held === "string" || typeof wanted === "string") {
    if (held !== wanted) throw clash(path, "another type");
    return null;
  }
  if (held.kind === "list" && wanted.kind === "list" && held.elementId === wanted.elementId) {
    const element = mergedType(held.element, wanted.element, `${path}.element`);
    return element === null ? null : { ...held, element };
  }
  if (held.kind !== "struct" || wanted.kind !== "struct") throw clash(path, "another type");
  const { columns, isChanged } = merged(held.fields, wanted.fields, `${path}.`);
  return isChanged ? { kind: "struct", fields: columns } : null;
}

function clash(column: string, what: string): Failure {
  return new Failure(
    "InvalidSettings",
    `column ${column} of the table has in this version ${what}`,
    { advice: "Write with the version that made the table, or choose another LAKE_URL." },
  );
}
