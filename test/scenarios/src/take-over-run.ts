import { seededRandom } from "@thulium-stream/kit";
import { systemClock } from "@thulium-stream/runtime";
import { ExtractorProcess, theActive, until } from "./extractor-process.ts";
import { changeDesk } from "./kill-run.ts";
import { contentsOfLog, eventsOf, openLogBeside } from "./log-checks.ts";
import { Deployment } from "./pipeline-process.ts";
import { openHelpDesk, truthOf } from "./truth.ts";

/** How the active extractor is taken away. */
export type TakenBy = "kill" | "stop" | "sleep";

/** A run of take-overs on a real broker. */
export interface TakeOverRunOptions {
  readonly brokers: readonly string[];
  readonly topicPrefix: string;
  readonly seed: number;
  /** One after the other. */
  readonly takenBy: readonly TakenBy[];
  /** How many extractors there are. */
  readonly members: number;
}

/** What a run found. */
export interface TakeOverRun {
  /** Milliseconds until another one was active, in the order of the run. */
  readonly tookMs: readonly number[];
  readonly events: number;
  readonly doubled: number;
  readonly chainsWithGap: number;
  /** Whether the log holds exactly what the help desk has. */
  readonly agrees: boolean;
}

/**
 * Several extractors of one system on one log, of which the active one is killed, ended in order, or put to sleep until another has taken over and
 * then woken up, while the help desk changes all the time.
 */
export async function takeOverRun(options: TakeOverRunOptions): Promise<TakeOverRun> {
  const { brokers, topicPrefix, seed, takenBy, members } = options;
  const random = seededRandom(seed);
  const desk = await openHelpDesk(400);
  const url = `kafka://${brokers.join(",")}`;
  const env = {
    ...desk.env,
    EVENT_LOG_URL: url,
    TOPIC_PREFIX: topicPrefix,
    POLL_INTERVAL: "200ms",
    SETTLE_DELAY: "1s",
    REQUESTS_PER_SECOND: "50",
  };
  const processes = Array.from(
    { length: members },
    (_, n) => new ExtractorProcess(`extractor ${n + 1}`, new Deployment(env)),
  );
  const ids = [...desk.sandbox.truth().rows()].map((row) => Number(row["ticket_id"]));
  const changing = new AbortController();
  const changes = (async () => {
    while (!changing.signal.aborted) {
      changeDesk(desk, ids, random);
      await systemClock.sleep(100);
    }
  })();
  const log = await openLogBeside(url, topicPrefix);
  try {
    for (const one of processes) await one.start();
    const tookMs: number[] = [];
    for (const how of takenBy) tookMs.push(await takeAway(how, processes));
    changing.abort();
    await changes;
    for (const one of processes) one.signal("SIGTERM");
    for (const one of processes) await one.ended();
    await processes[0]?.deployment.succeed(["run", "--once"], { SETTLE_DELAY: "2m" });
    const events = [
      ...(await eventsOf(log, "ticket-events")),
      ...(await eventsOf(log, "message-events")),
    ];
    const known = new Set(events.map(({ id }) => id));
    return {
      tookMs,
      events: events.length,
      doubled: events.length - known.size,
      chainsWithGap: events.filter(({ previous_event_id: id }) => id !== null && !known.has(id))
        .length,
      agrees: JSON.stringify(await contentsOfLog(log)) === JSON.stringify(truthOf(desk)),
    };
  } finally {
    changing.abort();
    await log.close();
    await desk.server.close();
    for (const one of processes) one.deployment.dispose();
  }
}

/** Takes the active one away, waits until another one is active, and brings the first back as a standby. Returns how long the take-over took. */
async function takeAway(how: TakenBy, processes: readonly ExtractorProcess[]): Promise<number> {
  const active = await theActive(processes);
  const others = processes.filter((one) => one !== active);
  const startedMs = systemClock.now();
  active.signal(({ kill: "SIGKILL", stop: "SIGTERM", sleep: "SIGSTOP" } as const)[how]);
  const next = await theActive(others);
  const tookMs = systemClock.now() - startedMs;
  if (how === "sleep") active.signal("SIGCONT");
  else {
    await active.ended();
    await active.start();
  }
  await until(`${active.name} stands by`, async () => {
    if (!active.isRunning) throw new Error(`${active.name} ended:\n${active.told}`);
    return (await active.isActive()) === false;
  });
  if ((await next.isActive()) !== true) throw new Error(`${next.name} did not stay active`);
  return tookMs;
}
