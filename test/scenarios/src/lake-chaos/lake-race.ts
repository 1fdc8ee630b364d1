import { systemClock } from "@thulium-stream/runtime";
import type { Crash } from "../crash-points.ts";
import { until } from "../extractor-process.ts";
import { Deployment } from "../pipeline-process.ts";
import type { Servers } from "../place.ts";
import { isClean } from "./lake-auditor.ts";
import type { LakeConditions, Plant } from "./lake-conditions.ts";
import { drained, type KillOutcome, type LakeKillsOptions } from "./lake-kills.ts";
import { isOwnersWork } from "./lake-points.ts";
import { LakeWorld, worldPatienceMs } from "./lake-world.ts";
import { LakeWriterProcess } from "./lake-writer-process.ts";

/** A suspension of one of two writers. */
export interface Suspension extends Crash<string> {
  /** At least so long, in milliseconds; the broker gives a member up after 6 s. */
  readonly forMs: number;
  /** Whether a ticket is erased meanwhile. */
  readonly erases: boolean;
}

/** What a race found. */
export interface RaceOutcome extends KillOutcome {
  /** What became of the one that woke up. */
  readonly sleeper: "went on" | "stopped";
}

/** Suspensions at the points where most is at stake, longer than the 3 h (30 s here) after which nobody's file may be removed. */
export function suspensions(times: number): readonly Suspension[] {
  const points = [
    ...["flush.data", "flush.list", "flush.metadata", "flush.hint", "merge.data", "merge.metadata"],
    ...["compact.metadata", "snapshot.closing", "expire.delete", "erase.metadata"],
  ];
  return Array.from({ length: times }, () => points).flatMap((each, round) =>
    each.map((point, at) => ({
      point,
      when: (at + round) % 4 === 3 ? ("after" as const) : ("before" as const),
      nth: 1,
      by: "SIGSTOP" as const,
      forMs: 35_000,
      erases: at % 2 === 0 || point.startsWith("erase."),
    })),
  );
}

/** Two lake writers of one group, of which one is suspended again and again until the other one has taken over, beside maintenance and erasures. */
export async function race(
  servers: Servers,
  plan: readonly Suspension[],
  { seed, tickets, plant, onKill }: LakeKillsOptions,
): Promise<readonly RaceOutcome[]> {
  const world = await LakeWorld.open(servers, seed, tickets);
  const lake = { hourMs: 10_000, choresMs: 1_500, ownGroup: false, plant };
  const writers = ["one", "two"].map((name) => new LakeWriterProcess(name, world.env, lake));
  const outcomes: RaceOutcome[] = [];
  try {
    for (const writer of writers) writer.start();
    await drained(world, ...writers);
    for (const [at, suspension] of plan.entries()) {
      const sleeper = await suspendOne(world, writers, suspension, at);
      const became = await wake(world, writers, sleeper);
      const found = await frozen(writers, () => world.audit(writers));
      const what = `${suspension.when} ${suspension.point}`;
      const outcome = { ...found, what, isClean: isClean(found) };
      outcomes.push({ ...outcome, sleeper: became });
      onKill({ ...outcome, what: `${what}, ${became}` }, outcomes.length);
      if (!outcome.isClean) return outcomes;
    }
    return outcomes;
  } finally {
    for (const writer of writers) {
      writer.signal("SIGKILL");
      writer.dispose();
    }
    await world.close();
  }
}

/** Waits until one of them sleeps at the point, then until the other has taken over all that there is. Returns the sleeper. */
async function suspendOne(
  world: LakeWorld,
  writers: readonly LakeWriterProcess[],
  { forMs, erases, ...crash }: Suspension,
  at: number,
): Promise<LakeWriterProcess> {
  const asked = isOwnersWork(crash.point)
    ? writers
    : writers.filter((_, n) => n === at % writers.length);
  if (crash.point.startsWith("erase.")) await world.eraseOne();
  for (const writer of asked) writer.order(crash);
  const endMs = systemClock.now() + worldPatienceMs;
  await world.changeUntil(() => {
    if (systemClock.now() > endMs) throw new Error(`nobody came to ${crash.point}`);
    return writers.some(({ isAsleep }) => isAsleep);
  });
  const sleeper = writers.find(({ isAsleep }) => isAsleep);
  if (sleeper === undefined) throw new Error("unreachable");
  const others = writers.filter((writer) => writer !== sleeper);
  for (const writer of others) writer.order(null);
  if (erases) await world.eraseOne();
  const wakeAtMs = systemClock.now() + forMs;
  await world.changeUntil(() => systemClock.now() >= wakeAtMs);
  await drained(world, ...others);
  return sleeper;
}

/** Wakes it up, lets it work again beside the other, or starts it anew when it stopped, and waits until nothing is behind. */
async function wake(
  world: LakeWorld,
  writers: readonly LakeWriterProcess[],
  sleeper: LakeWriterProcess,
): Promise<RaceOutcome["sleeper"]> {
  const before = sleeper.forbiddenDeletes.length;
  sleeper.signal("SIGCONT");
  const settledMs = systemClock.now() + 5_000;
  await world.changeUntil(() => systemClock.now() >= settledMs);
  const became = sleeper.over === null ? "went on" : "stopped";
  if (became === "stopped") sleeper.start();
  if (sleeper.forbiddenDeletes.length > before)
    throw new Error(`an overtaken writer deletes:\n${sleeper.told}`);
  await drained(world, ...writers);
  return became;
}

/** Looks at the lake while all writers are held. */
async function frozen<T>(
  writers: readonly LakeWriterProcess[],
  look: () => Promise<T>,
): Promise<T> {
  for (const writer of writers) writer.signal("SIGSTOP");
  await until("the writers are held", () => writers.every(({ isAsleep }) => isAsleep));
  try {
    return await look();
  } finally {
    for (const writer of writers) writer.signal("SIGCONT");
  }
}

/**
 * One writer alone sleeps before its commit, longer than orphans are left alone, while `lake expire` runs as another process. Nobody else moves its partitions: only its place
 * in the order of versions tells it that it was away.
 */
export async function lonelySleep(
  servers: Servers,
  { seed, tickets, plant, onKill }: LakeKillsOptions,
): Promise<readonly KillOutcome[]> {
  const world = await LakeWorld.open(servers, seed, tickets);
  const lake = { hourMs: 10_000, choresMs: 0, ownGroup: true, plant } satisfies LakeConditions;
  const writer = new LakeWriterProcess("the lake writer", world.env, lake);
  const expiring = new Deployment(world.env);
  try {
    writer.start();
    await drained(world, writer);
    const crash = { point: "flush.metadata", when: "before", nth: 1, by: "SIGSTOP" } as const;
    writer.order(crash);
    await world.changeUntil(() => writer.isAsleep);
    // Its files are to be three days old by the store's dates: an hour is 200 ms for the one that expires.
    await systemClock.sleep(20_000);
    await expire(expiring, plant);
    writer.signal("SIGCONT");
    await world.changeUntil(() => !writer.isAsleep);
    await drained(world, writer);
    writer.signal("SIGTERM");
    await writer.ended();
    const found = await world.audit([writer]);
    const outcome = { ...found, what: "a lonely sleeper", isClean: isClean(found) };
    onKill(outcome, 1);
    return [outcome];
  } finally {
    writer.signal("SIGKILL");
    writer.dispose();
    expiring.dispose();
    await world.close();
  }
}

/** `lake expire` as a process for which hours are short. */
async function expire(deployment: Deployment, plant: Plant | null): Promise<void> {
  const lake = { hourMs: 200, choresMs: 0, ownGroup: true, plant };
  const { code, stderr } = await deployment.startOrdered({ crash: null, lake }, ["lake", "expire"])
    .ended;
  if (code !== 0) throw new Error(`lake expire ended with ${code}:\n${stderr}`);
}
