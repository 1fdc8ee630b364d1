import { readFileSync } from "node:fs";
import { MavenKafka } from "@thulium-stream/infra/local";
import { seededRandom } from "@thulium-stream/kit";
import { systemClock } from "@thulium-stream/runtime";
import { type CrashRun, type CrashWorld, closeCrashWorld, openCrashWorld } from "./crash-run.ts";
import { ExtractorProcess, theActive } from "./extractor-process.ts";

/** What an outage cost the extractor. */
export interface Outage extends CrashRun {
  /** Processor time during the outage, as a share of one core. */
  readonly cpuShare: number;
  /** Resident memory before and at the end of the outage, in MiB. */
  readonly rssMib: readonly [before: number, after: number];
  /** Whether the same process went on. */
  readonly survived: boolean;
}

/** Kills the broker again and again under a working extractor, which must go on by itself. */
export async function brokerKills(
  seed: number,
  kills: number,
  onKill: (n: number) => void = () => {},
): Promise<CrashRun & Pick<Outage, "survived">> {
  const random = seededRandom(seed);
  return withBroker(seed, async (kafka, world, extractor) => {
    for (let n = 1; n <= kills; n += 1) {
      await changing(world, Math.round(500 + random() * 4_000));
      await kafka.kill();
      await changing(world, Math.round(random() * 2_000));
      await kafka.start();
      onKill(n);
    }
    await changing(world, 2_000);
    return extractor.isRunning;
  }).then(({ run, found }) => ({ ...run, survived: found }));
}

/** Takes the broker away for `ms` while the desk changes all the time. */
export async function brokerAway(seed: number, ms: number): Promise<Outage> {
  const { run, found } = await withBroker(seed, async (kafka, world, extractor) => {
    await changing(world, 5_000);
    await kafka.kill();
    // The first moments belong to what was under way.
    await changing(world, 2_000);
    const before = usageOf(extractor.pid);
    await changing(world, ms);
    const after = usageOf(extractor.pid);
    await kafka.start();
    await theActive([extractor]);
    await changing(world, 2_000);
    return {
      cpuShare: (after.cpuMs - before.cpuMs) / ms,
      rssMib: [before.rssMib, after.rssMib] as const,
      survived: extractor.isRunning,
    };
  });
  return { ...run, ...found };
}

async function withBroker<T>(
  seed: number,
  work: (kafka: MavenKafka, world: CrashWorld, extractor: ExtractorProcess) => Promise<T>,
): Promise<{ readonly run: CrashRun; readonly found: T }> {
  const kafka = await MavenKafka.prepare();
  await kafka.start();
  try {
    const world = await openCrashWorld([kafka.address("PLAINTEXT")], "broker.", seed);
    const extractor = new ExtractorProcess("the extractor", world.deployment);
    await extractor.start();
    await theActive([extractor]);
    const found = await work(kafka, world, extractor);
    extractor.signal("SIGTERM");
    await extractor.ended();
    return { run: await closeCrashWorld(world), found };
  } finally {
    await kafka.stop();
  }
}

async function changing(world: CrashWorld, ms: number): Promise<void> {
  const untilMs = systemClock.now() + ms;
  while (systemClock.now() < untilMs) {
    world.change();
    await systemClock.sleep(100);
  }
}

/** Processor time and memory of a process, from Linux's /proc. */
function usageOf(pid: number): { readonly cpuMs: number; readonly rssMib: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  // User and system time in hundredths of a second; resident pages of 4 KiB.
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * 10,
    rssMib: (Number(fields[21]) * 4096) / 2 ** 20,
  };
}
