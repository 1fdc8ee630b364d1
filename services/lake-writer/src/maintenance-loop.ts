import { type Clock, isFailure, type Logger } from "@thulium-stream/contracts";
import { retrying } from "@thulium-stream/runtime";

/** Something that is done for a lake now and then. */
export interface MaintenanceStep {
  /** For the log: `compacting`. */
  readonly what: string;
  /** Least time from the end of a run that succeeded to the next one, in milliseconds. */
  readonly everyMs: number;
  readonly work: (signal: AbortSignal) => Promise<void>;
}

/** What the loop works with. */
export interface MaintenanceLoopDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often it is looked what is due, in milliseconds; the first time after as long. */
  readonly everyMs: number;
  /** Whether this process looks after the lake now. */
  readonly isOwner: () => boolean;
}

/** Tries of one run of a step; the next run is another chance. */
const mostAttempts = 3;

/**
 * Does steps one after the other, each when it is due, until `signal` fires. No reader waits for any of them: one that fails is told of and due again with the next look;
 * it keeps neither the others nor the process from working. @throws Failure `Cancelled` when `signal` fires.
 */
export async function maintenanceLoop(
  steps: readonly MaintenanceStep[],
  { clock, logger, everyMs, isOwner }: MaintenanceLoopDeps,
  signal: AbortSignal,
): Promise<never> {
  const doneMs = new Map<MaintenanceStep, number>();
  for (;;) {
    await clock.sleep(everyMs, signal);
    for (const step of steps) {
      const lastMs = doneMs.get(step);
      if (!isOwner() || (lastMs !== undefined && clock.now() < lastMs + step.everyMs)) continue;
      const options = { what: step.what, clock, logger, signal, maxAttempts: mostAttempts };
      try {
        await retrying(() => step.work(signal), options);
        doneMs.set(step, clock.now());
      } catch (error) {
        if (signal.aborted && isFailure(error, "Cancelled")) throw error;
        logger.error({ what: step.what, error }, "maintenance failed; the next run tries again");
      }
    }
  }
}
