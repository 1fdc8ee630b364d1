/** Consecutive stretches of time. Instants are seconds since 1970-01-01T00:00Z. */
export interface Stretches {
  /** Ends, each the start of the next; exclusive. */
  readonly endsS: readonly number[];
  readonly startS: number;
}

/** Width of a cell of {@link placesOf}: every zone's clock changes on a multiple of it. */
export const quarterS = 900;

/** The stretch of each quarter of an hour since their start. A single stretch needs no such list, and may be without end. */
export function placesOf({ startS, endsS }: Stretches): Int32Array {
  if (endsS.length <= 1) return new Int32Array(0);
  const endS = endsS.at(-1) ?? startS;
  const places = new Int32Array(Math.ceil((endS - startS) / quarterS));
  let fromS = startS;
  for (const [at, toS] of endsS.entries()) {
    places.fill(at, Math.floor((fromS - startS) / quarterS), Math.ceil((toS - startS) / quarterS));
    fromS = toS;
  }
  return places;
}
