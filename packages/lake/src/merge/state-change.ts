import type { Column } from "@thulium-stream/contracts";
import { normaliserOf, rowCheckOf } from "../encoders/row-check.ts";

/** A new state of a row, or its removal. */
export interface StateChange {
  /** The record's key: the values of the key columns, joined by colons. */
  readonly key: string;
  readonly ticketId: string;
  /** Place in the log; of two changes of one key, which are in one partition of it, the later counts. */
  readonly logPartition: number;
  readonly position: number;
  /** Value of the partition column. */
  readonly partition: string;
  /** The row as JSON; null removes it. */
  readonly value: Uint8Array | null;
}

/** Columns that a change's line has beside those of the table. */
export const changeColumns: readonly Column[] = [
  { id: 0, name: "_key", type: "text", doc: "" },
  { id: 0, name: "_ticket", type: "text", doc: "" },
  { id: 0, name: "_log", type: "integer", doc: "" },
  { id: 0, name: "_position", type: "integer", doc: "" },
  { id: 0, name: "_partition", type: "text", doc: "" },
  { id: 0, name: "_gone", type: "boolean", doc: "" },
];

/** Compiles the making of NDJSON lines: the row's own bytes behind what the change says. The result throws Failure `CorruptRecord` naming the column of a row that does not fit. */
export function changeLineOf(columns: readonly Column[]): (change: StateChange) => Uint8Array {
  const check = rowCheckOf(columns);
  const normalise = normaliserOf({ kind: "struct", fields: columns });
  return ({ key, ticketId, logPartition, position, partition, value }) => {
    const head = JSON.stringify({
      _key: key.toWellFormed(),
      _ticket: ticketId.toWellFormed(),
      _log: logPartition,
      _position: position,
      _partition: partition,
      _gone: value === null,
    });
    if (value === null) return Buffer.from(head);
    const { row, asGiven } = check(value);
    // `{"` and nothing else before the first name: the row can follow as it is.
    const isPlain = asGiven && value[0] === 0x7b && value[1] === 0x22;
    const rest = isPlain ? value : Buffer.from(JSON.stringify(normalise(row)));
    return Buffer.concat([Buffer.from(`${head.slice(0, -1)},`), rest.subarray(1)]);
  };
}
