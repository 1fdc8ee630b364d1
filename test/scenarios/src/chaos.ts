import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { startKafka } from "@thulium-stream/infra/local";
import { brokerAway, brokerKills } from "./broker-chaos.ts";
import { closeCrashWorld, crashAll, crashPlan, openCrashWorld } from "./crash-run.ts";
import { lakePhases } from "./lake-chaos/lake-phases.ts";
import { randomChaos } from "./random-chaos.ts";
import { takeOverRun } from "./take-over-run.ts";

/**
 * `npm run chaos [-- phase …] [--seed 1] [--times 10] [--kills 200] [--broker-kills 20] [--log kafka|embedded] [--only point] [--plant mistake]`: kills processes and the broker, counts what was
 * lost or doubled, and prints each bar with what was found. Exit code 1 when one is missed. The seed draws plans and changes; what the
 * machine does meanwhile it does not.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string", default: "1" },
    times: { type: "string", default: "10" },
    kills: { type: "string", default: "200" },
    "broker-kills": { type: "string", default: "20" },
    tickets: { type: "string", default: "2000" },
    log: { type: "string", default: "kafka" },
    only: { type: "string", default: "" },
    plant: { type: "string", default: "" },
  },
});
const seed = Number(values.seed);
const say = (line: string) => console.log(line);

const lakeOptions = {
  seed,
  times: Number(values.times),
  kills: Number(values.kills),
  only: values.only,
  plant: values.plant,
  say,
};

/** Each returns whether its bars are met. */
const phases: Readonly<Record<string, () => Promise<boolean>>> = {
  /** SIGKILL of the extractor at every named point. */
  async points() {
    const kafka = await startKafka();
    try {
      const world = await openCrashWorld(kafka.brokers, prefix(), seed);
      const plan = crashPlan(seed, Number(values.times));
      await crashAll(world, plan, ({ point, when, nth }, n) =>
        say(`  ${n} of ${plan.length}: ${when} ${point}, ${nth}`),
      );
      const run = await closeCrashWorld(world);
      return told(`${plan.length} kills at named points`, run, isExact(run));
    } finally {
      await kafka.stop();
    }
  },
  /** SIGKILL of the whole pipeline at random moments. */
  async random() {
    const kafka = values.log === "kafka" ? await startKafka() : null;
    try {
      const brokers = kafka?.brokers ?? null;
      const [kills, tickets] = [Number(values.kills), Number(values.tickets)];
      return await randomChaos({ brokers, seed, kills, tickets, say });
    } finally {
      await kafka?.stop();
    }
  },
  /** SIGKILL of the broker. */
  async broker() {
    const kills = Number(values["broker-kills"]);
    const run = await brokerKills(seed, kills, (n) => say(`  broker kill ${n} of ${kills}`));
    return told(`${kills} kills of the broker`, run, isExact(run) && run.survived);
  },
  /** The broker is away for a minute. */
  async away() {
    const run = await brokerAway(seed, 60_000);
    const [before, after] = run.rssMib;
    const isCalm = run.cpuShare < 0.15 && after < before + 50;
    return told("the broker away for 60 s", run, isExact(run) && run.survived && isCalm);
  },
  /** Take-overs between three extractors. */
  async "take-over"() {
    const kafka = await startKafka();
    try {
      const takenBy = ["kill", "stop", "sleep", "stop", "kill", "stop"] as const;
      const options = { brokers: kafka.brokers, topicPrefix: prefix(), seed, takenBy, members: 3 };
      const { tookMs, ...run } = await takeOverRun(options);
      const isInTime = tookMs.every((ms, at) => ms <= (takenBy[at] === "stop" ? 5_000 : 30_000));
      const times = takenBy.map((how, at) => `${how} ${tookMs[at]} ms`).join(", ");
      const isMet = isExact({ ...run, torn: [] }) && isInTime;
      return told(`take-overs (bars: kill 30 s, stop 5 s): ${times}`, run, isMet);
    } finally {
      await kafka.stop();
    }
  },
  /** SIGKILL of the lake writer at named points and at random moments; two of them, of which one sleeps. */
  ...Object.fromEntries(
    Object.entries(lakePhases).map(([name, phase]) => [name, () => phase(lakeOptions)]),
  ),
};

const wanted = positionals.length > 0 ? positionals : Object.keys(phases);
const unknown = wanted.filter((name) => phases[name] === undefined);
if (unknown.length > 0) {
  console.error(`${unknown.join(", ")}: must be among ${Object.keys(phases).join(", ")}`);
  process.exit(2);
}
for (const name of wanted) {
  say(`${name}, seed ${seed}`);
  try {
    if (!(await phases[name]?.())) process.exitCode = 1;
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
}
process.exit();

function prefix(): string {
  return `chaos-${randomUUID().slice(0, 8)}.`;
}

function isExact(run: {
  readonly doubled: number;
  readonly chainsWithGap: number;
  readonly torn: readonly string[];
  readonly agrees: boolean;
}): boolean {
  return run.doubled === 0 && run.chainsWithGap === 0 && run.torn.length === 0 && run.agrees;
}

function told(what: string, found: object, isMet: boolean): boolean {
  say(`${isMet ? "✓" : "✗"} ${what}: ${JSON.stringify(found)}`);
  return isMet;
}
