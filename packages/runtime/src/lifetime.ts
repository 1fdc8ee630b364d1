import { type Clock, Failure, isFailure, type Logger } from "@thulium-stream/contracts";
import { policyOf } from "./policy.ts";

/** Process exit codes; the whole list. */
export const exitCodes = {
  done: 0,
  failed: 1,
  badUsage: 2,
  differences: 3,
  interrupted: 130,
} as const;

/** Something to be closed at the end, named for the log. */
export interface Closeable {
  readonly name: string;
  close(): PromiseLike<void> | void;
}

/**
 * What a process opened, closed in reverse order: what was opened last uses what was opened first.
 * A close that fails is logged and does not keep the others from closing.
 */
export class Lifetime implements AsyncDisposable {
  readonly #opened: Closeable[] = [];
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Registers something opened just now; returns it. */
  own<T>(name: string, value: T, close: (value: T) => PromiseLike<void> | void): T {
    this.#opened.push({ name, close: () => close(value) });
    return value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let next = this.#opened.pop(); next !== undefined; next = this.#opened.pop()) {
      try {
        await next.close();
      } catch (error) {
        this.#logger.warn({ error, part: next.name }, "closing failed");
      }
    }
  }
}

/** How long an orderly end may take before the process is ended all the same. */
const shutdownLimitMs = 20_000;

/**
 * Runs `main` until it returns or SIGINT/SIGTERM fires its signal; a second signal, or 20 s, ends the process at once:
 * everything durable survives a kill at any instruction, so an orderly end is only a courtesy.
 * Resolves with the exit code: what `main` returned, 130 after SIGINT, 0 after SIGTERM, 2 for settings and credentials, else 1.
 */
export async function runProcess(
  main: (signal: AbortSignal) => Promise<number>,
  { logger, clock, report }: { logger: Logger; clock: Clock; report: (message: string) => void },
): Promise<number> {
  const controller = new AbortController();
  const received: { signal: NodeJS.Signals | null } = { signal: null };
  const onSignal = (signal: NodeJS.Signals) => {
    if (received.signal !== null) process.exit(exitCodes.interrupted);
    received.signal = signal;
    controller.abort();
    clock.sleep(shutdownLimitMs).then(
      () => process.exit(exitCodes.failed),
      () => {},
    );
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  const interruptedCode = () =>
    received.signal === "SIGTERM" ? exitCodes.done : exitCodes.interrupted;
  try {
    const code = await main(controller.signal);
    return received.signal === null ? code : interruptedCode();
  } catch (error) {
    // What was told to stop says so by a failure, or throws the signal's own reason.
    const isStop = isFailure(error, "Cancelled") || error === controller.signal.reason;
    if (isStop && received.signal !== null) return interruptedCode();
    report(describeFailure(error));
    if (!(error instanceof Failure)) logger.debug({ error }, "unexpected error");
    return exitCodeOf(error);
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

/** 2 for what the operator must set right before anything can work, 1 for everything else. */
export function exitCodeOf(error: unknown): number {
  return isFailure(error, "InvalidSettings", "Unauthenticated", "Forbidden")
    ? exitCodes.badUsage
    : exitCodes.failed;
}

/** What the operator reads about a failure: what happened, then what to do. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Failure))
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  const advice =
    error.advice ?? (error.code === "InvalidSettings" ? undefined : policyOf(error.code).advice);
  return advice === undefined ? error.message : `${error.message}\n${advice}`;
}
