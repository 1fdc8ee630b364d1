import { epochMsOf, type Instant, instantOf } from "@thulium-stream/contracts";
import type { WallClock } from "@thulium-stream/thulium-api/pure";
import { type ReadingDeps, type ReadingResult, readAndPublish } from "./reading.ts";

const minuteMs = 60_000;

/**
 * The lower bound of a sweep: the smallest text that any instant from `sealed` until now can have. In the autumn night that is the beginning of the
 * repeated hour, so that it is read again after its second pass. Instants are subtracted, never text.
 */
export function sweepFrom(wallClock: WallClock, sealedMs: number, nowMs: number): string {
  return wallClock.earliestText(sealedMs, Math.max(sealedMs, nowMs));
}

/**
 * How far a complete sweep that started at `startedMs` (source's time) may move the watermark: over the minutes that had ended
 * SETTLE_DELAY before it started, and at least one whole minute more, since the source compares seconds that it does not show. Never back.
 */
export function sealedAfter(sealedMs: number, startedMs: number, settleDelayMs: number): number {
  const settledMs = startedMs - Math.max(settleDelayMs, minuteMs);
  return Math.max(sealedMs, Math.floor(settledMs / minuteMs) * minuteMs);
}

/** One sweep over what changed since `sealed`; moves the watermark when every page was read or its hole recorded. */
export async function liveSweep(
  deps: ReadingDeps,
  sealed: Instant,
  signal: AbortSignal,
): Promise<ReadingResult & { readonly sealed: Instant }> {
  const startedMs = deps.nowMs();
  const from = sweepFrom(deps.wallClock, epochMsOf(sealed), startedMs);
  const window = { by: "update_date", bounds: { from, to: null } } as const;
  const result = await readAndPublish(deps, { window, lane: "live", origin: "live" }, signal);
  // Only now is it sure how the source's clock goes: a process that has just started has not seen an answer before.
  const startedAtSourceMs = deps.asker.sourceTimeOf(startedMs);
  const { settleDelayMs } = deps.settings;
  const next = instantOf(sealedAfter(epochMsOf(sealed), startedAtSourceMs, settleDelayMs));
  if (next !== sealed)
    await deps.publisher.publish({ origin: "live", checkpoint: { sealed: next } });
  return { ...result, sealed: next };
}
