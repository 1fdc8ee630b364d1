import { seededRandom } from "@thulium-stream/kit";
import { systemClock } from "@thulium-stream/runtime";
import { type Crash, crashPoints, passedOnce } from "./crash-points.ts";
import { changeDesk } from "./kill-run.ts";
import { auditLog, type LogAudit } from "./log-audit.ts";
import { contentsOfLog, openLogBeside } from "./log-checks.ts";
import { Deployment } from "./pipeline-process.ts";
import { type HelpDesk, openHelpDesk, truthOf } from "./truth.ts";

/** A desk, an extractor's deployment and a log on a real broker. */
export interface CrashWorld {
  readonly desk: HelpDesk;
  readonly deployment: Deployment;
  readonly brokers: readonly string[];
  readonly topicPrefix: string;
  /** One change of a random ticket, now. */
  change(): void;
  /** A change of more than one send's size, so that the checkpoint is in a later send of its transaction. */
  changeMuch(): void;
}

/** What a run found. */
export interface CrashRun extends LogAudit {
  /** Whether the log holds exactly what the help desk has. */
  readonly agrees: boolean;
}

/** Opens a world whose changes are drawn from `seed`. */
export async function openCrashWorld(
  brokers: readonly string[],
  topicPrefix: string,
  seed: number,
): Promise<CrashWorld> {
  const random = seededRandom(seed);
  const desk = await openHelpDesk(200);
  const deployment = new Deployment({
    ...desk.env,
    EVENT_LOG_URL: `kafka://${brokers.join(",")}`,
    TOPIC_PREFIX: topicPrefix,
    POLL_INTERVAL: "100ms",
    SETTLE_DELAY: "1s",
    REQUESTS_PER_SECOND: "50",
  });
  const ids = [...desk.sandbox.truth().rows()].map((row) => Number(row["ticket_id"]));
  const large = ids.splice(0, 1)[0] ?? 0;
  return {
    desk,
    deployment,
    brokers,
    topicPrefix,
    change: () => changeDesk(desk, ids, random),
    changeMuch: () => {
      desk.sandbox.advanceTo(systemClock.now());
      for (let n = 0; n < 2; n += 1)
        desk.sandbox.mutate({ kind: "mail", ticketId: large, body: "ąęłżź ".repeat(25_000) });
    },
  };
}

/** Every named point, before and after, `times` times each, at an occurrence drawn from the seed. */
export function crashPlan(seed: number, times: number): readonly Crash[] {
  const random = seededRandom(seed);
  return Array.from({ length: times }, () => crashPoints).flatMap((points) =>
    points.flatMap((point) =>
      (["before", "after"] as const).map((when) => {
        const most = passedOnce.includes(point) ? 1 : 4;
        return { point, when, nth: 1 + Math.floor(random() * most) };
      }),
    ),
  );
}

/** Starts the extractor once for each crash and changes the desk until it has killed itself. */
export async function crashAll(
  world: CrashWorld,
  crashes: readonly Crash[],
  onCrash: (crash: Crash, n: number) => void = () => {},
): Promise<void> {
  for (const [at, crash] of crashes.entries()) {
    const { point, when, nth } = crash;
    const child = world.deployment.startOrdered({ crash }, ["extractor"]);
    const over = new AbortController();
    void child.ended.then(() => over.abort());
    const untilMs = systemClock.now() + 120_000;
    if (at % 5 === 0) world.changeMuch();
    while (!over.signal.aborted) {
      world.change();
      if (systemClock.now() > untilMs) throw new Error(`${point} ${when} ${nth} was not reached`);
      await systemClock.sleep(50, over.signal).catch(() => {});
    }
    const { signal, code, stderr } = await child.ended;
    if (signal !== "SIGKILL") throw new Error(`ended by itself with ${code}:\n${stderr}`);
    onCrash(crash, at + 1);
  }
}

/** Lets the pipeline catch up and compares the log with the desk. Ends the world. */
export async function closeCrashWorld(world: CrashWorld): Promise<CrashRun> {
  const { desk, deployment, brokers, topicPrefix } = world;
  const log = await openLogBeside(`kafka://${brokers.join(",")}`, topicPrefix);
  try {
    await deployment.succeed(["run", "--once"], { SETTLE_DELAY: "2m" });
    const agrees = JSON.stringify(await contentsOfLog(log)) === JSON.stringify(truthOf(desk));
    return { ...(await auditLog(log, "acme")), agrees };
  } finally {
    await log.close();
    await desk.server.close();
    deployment.dispose();
  }
}
