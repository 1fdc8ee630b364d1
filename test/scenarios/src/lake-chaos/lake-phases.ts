import { startKafka, startS3 } from "@thulium-stream/infra/local";
import type { Servers } from "../place.ts";
import { plants } from "./lake-conditions.ts";
import { type KillOutcome, killAtPoints, killAtRandom, lakeCrashPlan } from "./lake-kills.ts";
import { lakePoints } from "./lake-points.ts";
import { lonelySleep, race, suspensions } from "./lake-race.ts";

/** What `npm run chaos` was told. */
export interface LakePhaseOptions {
  readonly seed: number;
  readonly times: number;
  readonly kills: number;
  /** Beginnings of the points' names, between commas; all when empty. */
  readonly only: string;
  readonly plant: string;
  readonly say: (line: string) => void;
}

/** The parts that kill and suspend lake writers. Each returns whether its bars are met. */
export const lakePhases: Readonly<Record<string, (options: LakePhaseOptions) => Promise<boolean>>> =
  {
    "lake-points": (options) =>
      measured("lake-points", options, (servers, given) => {
        const points = lakePoints.filter((point) => isAmong(point, options.only));
        const plan = lakeCrashPlan(options.seed, options.times, points);
        options.say(`  ${plan.length} kills at ${points.length} points, before and after`);
        return killAtPoints(servers, plan, given);
      }),
    "lake-random": (options) =>
      measured("lake-random", options, (servers, given) =>
        killAtRandom(servers, options.kills, given),
      ),
    "lake-race": (options) =>
      measured("lake-race", options, async (servers, given) => {
        const plan = suspensions(Math.ceil(options.times / 5)).filter(({ point }) =>
          isAmong(point, options.only),
        );
        const alone = await lonelySleep(servers, given);
        return alone.every((outcome) => outcome.isClean)
          ? [...alone, ...(await race(servers, plan, given))]
          : alone;
      }),
  };

function isAmong(point: string, only: string): boolean {
  return only.split(",").some((beginning) => point.startsWith(beginning));
}

type Given = Parameters<typeof killAtPoints>[2];

async function measured(
  name: string,
  { seed, times, kills, only, plant, say }: LakePhaseOptions,
  run: (servers: Servers, given: Given) => Promise<readonly KillOutcome[]>,
): Promise<boolean> {
  const planted = plants.find((each) => each === plant) ?? null;
  if (plant !== "" && planted === null)
    throw new Error(`--plant ${plant}: must be among ${plants.join(", ")}`);
  const [kafka, s3] = await Promise.all([startKafka(), startS3()]);
  try {
    const onKill = (outcome: KillOutcome, n: number) => say(`  ${n}: ${lineOf(outcome)}`);
    const given = { seed, tickets: 100, plant: planted, onKill };
    const outcomes = await run({ brokers: kafka.brokers, s3 }, given);
    for (const line of tableOf(outcomes)) say(line);
    const isMet = outcomes.length > 0 && outcomes.every((each) => each.isClean);
    const again = `npm run chaos -- ${name} --seed ${seed} --times ${times} --kills ${kills}${only === "" ? "" : ` --only ${only}`}${plant === "" ? "" : ` --plant ${plant}`}`;
    const sum = (of: "lost" | "doubled" | "stateDiffers") =>
      outcomes.reduce((total, each) => total + each[of], 0);
    say(
      `${isMet ? "✓" : "✗"} ${outcomes.length} times looked at, ${outcomes.at(-1)?.rows ?? 0} rows at the end: ${sum("lost")} lost, ${sum("doubled")} doubled, ${sum("stateDiffers")} rows of current state differ, lake verify ${outcomes.every(({ faults }) => faults.length === 0) ? "clean" : "NOT CLEAN"}. Again: ${again}`,
    );
    return isMet;
  } finally {
    await Promise.all([kafka.stop(), s3.stop()]);
  }
}

function lineOf({
  what,
  isClean,
  rows,
  lost,
  doubled,
  foreign,
  stateDiffers,
  faults,
}: KillOutcome) {
  const wrong = `${lost} lost, ${doubled} doubled, ${foreign} foreign, ${stateDiffers} of the state differ; ${faults.slice(0, 5).join("; ")}`;
  return `${what}: ${rows} rows, ${isClean ? "clean" : `WRONG: ${wrong}`}`;
}

/** One line a point: how often, and how often something was wrong. */
function tableOf(outcomes: readonly KillOutcome[]): readonly string[] {
  const byPoint = new Map<string, { times: number; wrong: number }>();
  for (const { what, isClean } of outcomes) {
    const name = /^after \d+ ms$/.test(what) ? "at a random moment" : what;
    const { times, wrong } = byPoint.get(name) ?? { times: 0, wrong: 0 };
    byPoint.set(name, { times: times + 1, wrong: wrong + (isClean ? 0 : 1) });
  }
  return [...byPoint].map(
    ([name, { times, wrong }]) => `  ${name.padEnd(28)} ${times} ×, ${wrong} wrong`,
  );
}
