import type { LogRecord } from "./ports/event-log.ts";

/**
 * Major version of everything that lies on the log. Within a major fields are added, never removed, renamed or
 * retyped, so a reader of it understands every later record; `packages/contracts/schema/released` holds the proof.
 */
export const contractMajor = 1;

/** Header with the URI of a record's schema: CloudEvents' attribute `dataschema`. */
export const dataSchemaHeader = "ce_dataschema";

const form = /^urn:thulium-stream:schema:(\d+):/;

/** URI of a published schema and its `$id`, such as `urn:thulium-stream:schema:1:ticket.updated`. */
export function schemaUri(name: string): string {
  return `urn:thulium-stream:schema:${contractMajor}:${name}`;
}

/** The schema named by the record looked at last, and its major: most records name that of the one before. */
let last = { schema: "", major: 1 };

/** The contract's major version that a record was written under; 1 for a record that names none. */
export function majorOf({ headers }: Pick<LogRecord, "headers">): number {
  const schema = headers[dataSchemaHeader] ?? "";
  if (schema !== last.schema) last = { schema, major: Number(form.exec(schema)?.[1] ?? 1) };
  return last.major;
}
