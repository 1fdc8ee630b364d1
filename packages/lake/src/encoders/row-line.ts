import type { Column } from "@thulium-stream/contracts";
import { normaliserOf, rowCheckOf } from "./row-check.ts";

const openBrace = 0x7b;
const closeBrace = 0x7d;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const escapedUnit = Buffer.from("\\u");

/**
 * Whether a row's bytes look like one line of JSON that any reader takes: an object from the first byte to the last, no line break, and no `\u` escape, which could be a
 * lone surrogate. Nothing is parsed, so it proves nothing of bytes from somebody unknown.
 */
export function isPlainRow(row: Uint8Array): boolean {
  const bytes = Buffer.isBuffer(row)
    ? row
    : Buffer.from(row.buffer, row.byteOffset, row.byteLength);
  return (
    bytes[0] === openBrace &&
    bytes[bytes.length - 1] === closeBrace &&
    !bytes.includes(lineFeed) &&
    !bytes.includes(carriageReturn) &&
    !bytes.includes(escapedUnit)
  );
}

/**
 * Compiles the making of NDJSON lines: a row is parsed and checked against `columns` (P3), and its own bytes are the line where they can be.
 * The result throws Failure `CorruptRecord` naming the column.
 */
export function rowLineOf(columns: readonly Column[]): (row: Uint8Array) => Uint8Array {
  const check = rowCheckOf(columns);
  const normalise = normaliserOf({ kind: "struct", fields: columns });
  return (bytes) => {
    const { row, asGiven } = check(bytes);
    return asGiven ? bytes : Buffer.from(JSON.stringify(normalise(row)));
  };
}
