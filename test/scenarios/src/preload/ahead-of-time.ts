/** Loaded before a command (`--import`): its clock is an hour ahead. */
const hourMs = 3_600_000;
const Exact = Date;

globalThis.Date = class extends Exact {
  constructor(...given: unknown[]) {
    if (given.length === 0) super(Exact.now() + hourMs);
    else super(...(given as [number]));
  }
  static override now(): number {
    return Exact.now() + hourMs;
  }
} as DateConstructor;
