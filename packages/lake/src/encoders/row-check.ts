import { isUtf8 } from "node:buffer";
import { toUSVString } from "node:util";
import { type Column, type ColumnType, Failure } from "@thulium-stream/contracts";

/** A row as JSON gave it: an object by column name. */
export type JsonRow = Readonly<Record<string, unknown>>;

/** A row that fits its columns. */
export interface CheckedRow {
  readonly row: JsonRow;
  /** Whether the given bytes can go on as they are: one line, no lone surrogate, text columns hold strings. */
  readonly asGiven: boolean;
}

/** Reads and checks one row; see {@link rowCheckOf}. */
export type RowCheck = (bytes: Uint8Array) => CheckedRow;

/** Says whether a value can stay as it is (true) or must be rewritten (false). @throws Mismatch */
type Check = (value: unknown) => boolean;

/** How much of a broken row a failure carries, in bytes. */
const rawBytes = 2_048;

/**
 * Compiles the check of rows against `columns` (P3). Missing keys and null fit every type; unknown keys are ignored.
 * The check throws Failure `CorruptRecord` naming the column (`ticket.created_at`, `changes[].field`), never the
 * value; `raw` holds the row's first 2 KB.
 */
export function rowCheckOf(columns: readonly Column[]): RowCheck {
  const check = structCheck("", columns);
  return (bytes) => {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    try {
      const row = parse(buffer);
      const fits = check(row);
      return { row: row as JsonRow, asGiven: fits && isPlainLine(buffer) };
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      throw new Failure("CorruptRecord", error.message, {
        raw: buffer.subarray(0, rawBytes).toString(),
      });
    }
  };
}

/** Compiles the rewriting of a checked value: text columns get text, well-formed; only known keys are kept. */
export function normaliserOf(type: ColumnType): (value: unknown) => unknown {
  if (type === "text") return (value) => (value == null ? null : toUSVString(textOf(value)));
  if (typeof type === "string") return (value) => value ?? null;
  if (type.kind === "list") {
    const element = normaliserOf(type.element);
    return (value) => (value == null ? null : (value as readonly unknown[]).map(element));
  }
  const fields = type.fields.map(({ name, type }) => ({ name, normalise: normaliserOf(type) }));
  return (value) => {
    if (value == null) return null;
    const row = value as JsonRow;
    return Object.fromEntries(fields.map(({ name, normalise }) => [name, normalise(row[name])]));
  };
}

/** What a text column stores: strings as they are, anything else as JSON text. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A row that does not fit, before it becomes a failure. */
class Mismatch extends Error {}

function parse(buffer: Buffer): unknown {
  if (!isUtf8(buffer)) throw new Mismatch("a row is not UTF-8");
  try {
    return JSON.parse(buffer.toString());
  } catch {
    throw new Mismatch("a row is not JSON");
  }
}

/** JSON escapes lone surrogates as \ud8…; line breaks between tokens would cut the row in two. */
function isPlainLine(buffer: Buffer): boolean {
  return !(
    buffer.includes("\\ud") ||
    buffer.includes("\\uD") ||
    buffer.includes(0x0a) ||
    buffer.includes(0x0d)
  );
}

function checkOf(path: string, type: ColumnType): Check {
  if (type === "text") return (value) => value == null || typeof value === "string";
  if (type === "integer")
    return leaf(path, "an integer within ±(2^53−1)", (value) => Number.isSafeInteger(value));
  if (type === "boolean") return leaf(path, "true or false", (value) => typeof value === "boolean");
  if (type === "instant") return leaf(path, "UTC text like 2026-11-24T03:00:00.000Z", isInstant);
  if (type.kind === "struct") return structCheck(path, type.fields);
  const element = checkOf(`${path}[]`, type.element);
  return (value) => {
    if (value == null) return true;
    if (!Array.isArray(value)) throw mismatch(path, "a list", value);
    let fits = true;
    for (const item of value) fits = element(item) && fits;
    return fits;
  };
}

function structCheck(path: string, columns: readonly Column[]): Check {
  const fields = columns.map(({ name, type }) => ({
    name,
    check: checkOf(path === "" ? name : `${path}.${name}`, type),
  }));
  return (value) => {
    if (value == null && path !== "") return true;
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw mismatch(path, "an object", value);
    const row = value as JsonRow;
    let fits = true;
    for (const { name, check } of fields) fits = check(row[name]) && fits;
    return fits;
  };
}

function leaf(path: string, rule: string, fits: (value: unknown) => boolean): Check {
  return (value) => {
    if (value == null || fits(value)) return true;
    throw mismatch(path, rule, value);
  };
}

/** The form of the contract, of a day and hour that exist: Date.parse takes 30 February and 24:00 for the next day. */
function isInstant(value: unknown): boolean {
  if (typeof value !== "string") return false;
  if (everyMonthsInstant.test(value)) return true;
  return instantForm.test(value) && isoOf(Date.parse(value)) === value;
}

/** Instants up to the 28th, which need no calendar: nearly all, at a third of the cost. */
const everyMonthsInstant =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

const instantForm = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

function isoOf(epochMs: number): string | null {
  return Number.isNaN(epochMs) ? null : new Date(epochMs).toISOString();
}

function mismatch(path: string, rule: string, value: unknown): Mismatch {
  const found = Array.isArray(value) ? "a list" : value === null ? "null" : `a ${typeof value}`;
  const what = path === "" ? "a row" : `column ${path}`;
  return new Mismatch(`${what} must be ${rule}, found ${found}`);
}
