import { z } from "zod";
import type { LogRecord, NewRecord } from "./ports/event-log.ts";
import { headerNames } from "./record-codec.ts";

/**
 * Value of a record whose body is too large for the log: where in the lake's object store the body lies. The same key rides in
 * the header `ce_dataref` (CloudEvents extension "Dataref"), so that a reader can tell without parsing.
 */
export const claim = z.object({
  dataref: z
    .string()
    .regex(/^claims\/[^/.]+\/[^/.]+\/[0-9a-f]{64}$/)
    .describe("Key in the lake's object store: claims/<system>/<id>/<sha256>"),
  bytes: z.int().min(0).describe("Size of the body"),
  sha256: z.string().length(64).describe("SHA-256 of the body, lower-case hexadecimal"),
});
/** See {@link claim}. */
export type Claim = z.infer<typeof claim>;

/** What all claims of one ticket (or other id) begin with in the lake's object store; ends with a slash. */
export function claimPrefix(system: string, id: string): string {
  return `claims/${pathPart(system)}/${pathPart(id)}/`;
}

/** Where the body of a record goes. A key `system:id:…` gives both parts; the system of any other key is `-`. */
export function claimKeyOf({ key, partitionKey }: NewRecord, sha256: string): string {
  const [system = "", id] = (partitionKey ?? key).split(":");
  return `${id === undefined ? claimPrefix("-", system) : claimPrefix(system, id)}${sha256}`;
}

/** The claim that a record carries instead of its body; null when it carries its body itself, or a claim that is none. */
export function claimOf({ headers, value }: LogRecord): Claim | null {
  if (headers[headerNames.dataRef] === undefined || value === null) return null;
  try {
    return claim.parse(JSON.parse(Buffer.from(value).toString("utf8")));
  } catch {
    return null;
  }
}

/** Ids are foreign text: whatever may not stand between two slashes is escaped, and nothing is longer than a file's name may be. */
function pathPart(text: string): string {
  const escaped = encodeURIComponent(text.toWellFormed()).replaceAll(".", "%2E");
  return escaped === "" ? "%00" : escaped.slice(0, 200);
}
