import { seededRandom } from "@thulium-stream/kit";
import { systemClock } from "@thulium-stream/runtime";
import type { Crash } from "../crash-points.ts";
import { until } from "../extractor-process.ts";
import type { Servers } from "../place.ts";
import { isClean, type LakeFindings } from "./lake-auditor.ts";
import type { Plant } from "./lake-conditions.ts";
import { lakePoints } from "./lake-points.ts";
import { LakeWorld, worldPatienceMs } from "./lake-world.ts";
import { LakeWriterProcess } from "./lake-writer-process.ts";

/** A kill at a named point. */
export interface PlannedKill extends Crash<string> {
  /** Whether the process is ordered from its start on, so that it ends while it takes up what the one before left. */
  readonly isEarly: boolean;
}

/** What was found after a kill. */
export interface KillOutcome extends LakeFindings {
  /** Where or when it was killed. */
  readonly what: string;
  readonly isClean: boolean;
}

/** How a run goes. */
export interface LakeKillsOptions {
  readonly seed: number;
  readonly tickets: number;
  readonly plant: Plant | null;
  /** Hears what was found after each kill. */
  readonly onKill: (outcome: KillOutcome, n: number) => void;
}

/** Every point of `points`, before and after, `times` times each, at an occurrence drawn from the seed. */
export function lakeCrashPlan(
  seed: number,
  times: number,
  points: readonly string[] = lakePoints,
): readonly PlannedKill[] {
  const random = seededRandom(seed);
  return Array.from({ length: times }, () => points).flatMap((each) =>
    each.flatMap((point) =>
      (["before", "after"] as const).map((when) => {
        const isEarly = random() < 0.75;
        // What a removal takes away wrongly is missed when a flush goes on, not when it dies with it.
        const least = point.startsWith("orphans.") ? 6 : 1;
        return { point, when, nth: least + Math.floor(random() ** 2 * 3), isEarly };
      }),
    ),
  );
}

/** Kills a lake writer at each point of a plan, and looks at the lake each time while nobody works on it. Stops when something is wrong. */
export async function killAtPoints(
  servers: Servers,
  plan: readonly PlannedKill[],
  options: LakeKillsOptions,
): Promise<readonly KillOutcome[]> {
  return await kills(servers, options, plan.length, async (world, writer, at) => {
    const kill = plan[at];
    if (kill === undefined) throw new Error("unreachable");
    const { isEarly, ...crash } = kill;
    writer.start(isEarly ? crash : null);
    if (!isEarly) {
      await drained(world, writer);
      writer.order(crash);
    }
    const endMs = systemClock.now() + worldPatienceMs;
    let n = 0;
    await world.changeUntil(async () => {
      if (writer.over !== null) return true;
      if (systemClock.now() > endMs)
        throw new Error(`${crash.when} ${crash.point} was not reached:\n${writer.told}`);
      // What there is to remove must be there.
      if (n % 10 === 0 && crash.point.startsWith("orphans.")) await world.layOrphan();
      if (n % 25 === 0 && crash.point.startsWith("erase.") && !(await world.isErasing()))
        await world.eraseOne();
      n += 1;
      return false;
    });
    return `${crash.when} ${crash.point}`;
  });
}

/** Kills a lake writer at random moments of its life. */
export async function killAtRandom(
  servers: Servers,
  count: number,
  options: LakeKillsOptions,
): Promise<readonly KillOutcome[]> {
  const random = seededRandom(options.seed + 1);
  return await kills(servers, options, count, async (world, writer, at) => {
    if (at % 20 === 19) await world.eraseOne();
    // A fifth of them before they have come to their work, as far as that takes so long.
    const isYoung = random() < 0.2;
    const lifeMs = Math.round(random() * (isYoung ? 2_000 : 8_000));
    writer.start();
    let bornMs = isYoung ? systemClock.now() : null;
    await world.changeUntil(() => {
      if (writer.isUp) bornMs ??= systemClock.now();
      const isOver = bornMs !== null && systemClock.now() >= bornMs + lifeMs;
      return isOver || writer.over !== null;
    });
    writer.signal("SIGKILL");
    return `after ${lifeMs} ms`;
  });
}

/** Kills again and again, and lets the lake come to its end. */
async function kills(
  servers: Servers,
  { seed, tickets, plant, onKill }: LakeKillsOptions,
  count: number,
  kill: (world: LakeWorld, writer: LakeWriterProcess, at: number) => Promise<string>,
): Promise<readonly KillOutcome[]> {
  const world = await LakeWorld.open(servers, seed, tickets);
  const lake = { hourMs: 20_000, choresMs: 1_500, ownGroup: true, plant };
  const writer = new LakeWriterProcess("the lake writer", world.env, lake);
  const outcomes: KillOutcome[] = [];
  const look = async (what: string) => {
    const found = await world.audit([writer]);
    const outcome = { ...found, what, isClean: isClean(found) };
    outcomes.push(outcome);
    onKill(outcome, outcomes.length);
    return outcome.isClean;
  };
  try {
    for (let at = 0; at < count; at += 1) {
      const what = await kill(world, writer, at);
      const { signal, code } = await writer.ended();
      if (signal !== "SIGKILL") throw new Error(`ended by itself with ${code}:\n${writer.told}`);
      if (!(await look(what))) return outcomes;
    }
    writer.start();
    await drained(world, writer);
    await until(
      "what was erased is gone",
      async () => {
        alive(writer);
        return !(await world.isErasing()) && (await world.auditor.rowsOf(world.erased)) === 0;
      },
      worldPatienceMs,
    );
    writer.signal("SIGTERM");
    const { code } = await writer.ended();
    if (code !== 0) throw new Error(`ended with ${code}:\n${writer.told}`);
    await look("at the end");
    return outcomes;
  } finally {
    writer.dispose();
    await world.close();
  }
}

/** Waits until these writers work and the tables hold all that the log holds now. */
export async function drained(world: LakeWorld, ...writers: LakeWriterProcess[]): Promise<void> {
  const ends = await world.auditor.ends();
  await until(
    "the lake holds what the log held",
    async () => {
      for (const writer of writers) alive(writer);
      return writers.every(({ isUp }) => isUp) && (await world.auditor.hasReached(ends));
    },
    worldPatienceMs,
  );
}

function alive(writer: LakeWriterProcess): void {
  if (writer.over !== null)
    throw new Error(`${writer.name} ended with ${writer.over.code}:\n${writer.told}`);
}
