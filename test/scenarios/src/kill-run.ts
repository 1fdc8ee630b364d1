import { seededRandom } from "@thulium-stream/kit";
import { systemClock } from "@thulium-stream/runtime";
import { Deployment } from "./pipeline-process.ts";
import { type HelpDesk, openHelpDesk } from "./truth.ts";

/** A run of kills. */
export interface KillRunOptions {
  readonly seed: number;
  readonly kills: number;
  readonly tickets: number;
  /** Settings of log and lake. */
  readonly env: Readonly<Record<string, string>>;
  /** Hears about each kill. */
  readonly onKill?: (n: number, afterMs: number) => void;
}

/** Shortest and longest life of a process, in milliseconds: from before it opened anything to well into its live sweeps. */
const lifeMs = [400, 5000] as const;

/**
 * Starts the pipeline, kills it by SIGKILL at a random moment while the help desk changes, starts it again, and so on; at the end lets it catch up. Moments are
 * drawn from the seed; what the machine does in the meantime is not.
 */
export async function killRun({
  seed,
  kills,
  tickets,
  env,
  onKill,
}: KillRunOptions): Promise<{ readonly desk: HelpDesk; readonly deployment: Deployment }> {
  const random = seededRandom(seed);
  const desk = await openHelpDesk(tickets);
  const fast = {
    POLL_INTERVAL: "200ms",
    LAKE_FLUSH_INTERVAL: "1s",
    MERGE_INTERVAL: "1s",
    SETTLE_DELAY: "1s",
    REQUESTS_PER_SECOND: "100",
  };
  const deployment = new Deployment({ ...desk.env, ...fast, ...env });
  const ids = [...desk.sandbox.truth().rows()].map((row) =>
    Number((row as { ticket_id: unknown }).ticket_id),
  );
  for (let n = 1; n <= kills; n += 1) {
    const { process: child, ended } = deployment.start(["run"]);
    const [least, most] = lifeMs;
    const afterMs = Math.round(least + random() * (most - least));
    const untilMs = systemClock.now() + afterMs;
    while (systemClock.now() < untilMs) {
      changeDesk(desk, ids, random);
      await systemClock.sleep(50);
    }
    child.kill("SIGKILL");
    const { code, stderr } = await ended;
    if (code !== null) throw new Error(`the pipeline ended by itself with ${code}:\n${stderr}`);
    onKill?.(n, afterMs);
  }
  await deployment.succeed(["run", "--once"], { SETTLE_DELAY: "2m" });
  return { desk, deployment };
}

/** Deletes of one run: more than this and the census refuses them, rightly, until somebody has looked. */
const mostDeletes = 40;

/** One change of a random ticket, at the present moment. */
export function changeDesk(
  { sandbox }: HelpDesk,
  ids: readonly number[],
  random: () => number,
): void {
  // A desk that stands still has its time moved by hand: a change that bears a stamp long past would come to light by chance only.
  sandbox.advance(Math.max(0, systemClock.now() - sandbox.nowMs));
  const ticketId = ids[Math.floor(random() * ids.length)] ?? 0;
  const drawn =
    (["reply", "mail", "close", "reopen", "touch", "delete"] as const)[
      Math.floor(random() ** 2 * 6)
    ] ?? "touch";
  const kind = drawn === "delete" && sandbox.truth().deleted >= mostDeletes ? "touch" : drawn;
  try {
    sandbox.mutate({ kind, ticketId });
  } catch {
    // The ticket is deleted already, or closed, or open: nothing to change.
  }
}
