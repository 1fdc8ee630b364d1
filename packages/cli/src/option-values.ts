import { eventTypesOf, kinds } from "@thulium-stream/contracts";
import { parseDuration } from "@thulium-stream/runtime";
import { InvalidArgumentError } from "commander";

/** A whole number from 1. @throws InvalidArgumentError. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError("must be a whole number from 1");
  return value;
}

/** The full type of an event, given with or without `thulium.`. @throws InvalidArgumentError listing the types. */
export function eventType(text: string): string {
  const full = text.startsWith("thulium.") ? text : `thulium.${text}`;
  const types: readonly string[] = eventTypesOf();
  if (types.includes(full)) return full;
  const short = types.map((type) => type.slice("thulium.".length));
  throw new InvalidArgumentError(`must be one of ${short.join(", ")}`);
}

/** A kind of change. @throws InvalidArgumentError listing the kinds. */
export function kindOfEvent(text: string): string {
  if ((kinds as readonly string[]).includes(text)) return text;
  throw new InvalidArgumentError(`must be one of ${kinds.join(", ")}`);
}

const instantForm = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?(Z|[+-]\d{2}:\d{2})?$/;

/** Milliseconds since 1970 of an instant with its zone, or of the beginning of a day (UTC); null for anything else. */
function epochMsOf(text: string): number | null {
  const [, time, , , zone] = instantForm.exec(text) ?? [null];
  const atMs = Date.parse(text);
  const isKnown = instantForm.test(text) && (time === undefined) === (zone === undefined);
  return isKnown && !Number.isNaN(atMs) ? atMs : null;
}

/** An instant in milliseconds since 1970: with its zone, or a day (UTC). @throws InvalidArgumentError. */
export function instant(text: string): number {
  const atMs = epochMsOf(text);
  if (atMs === null)
    throw new InvalidArgumentError(
      "must be an instant with its zone (2026-11-25T08:00Z) or a day (2026-11-25, its beginning in UTC)",
    );
  return atMs;
}

/** The instant in milliseconds since 1970, given now: an instant with its zone, a day (UTC), or how long ago. @throws InvalidArgumentError. */
export function publishedSince(text: string): (nowMs: number) => number {
  const agoMs = parseDuration(text);
  if (agoMs !== null) return (nowMs) => nowMs - agoMs;
  const atMs = epochMsOf(text);
  if (atMs === null)
    throw new InvalidArgumentError(
      "must be an instant with its zone (2026-11-25T08:00Z), a day (2026-11-25, UTC), or how long ago (90m, 2h, 3d)",
    );
  return () => atMs;
}
