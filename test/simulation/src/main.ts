import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type SimulationResult, simulate } from "./simulate.ts";
import { type WorldKind, worldKinds } from "./world-plan.ts";

/** `npm run simulate -- [--seeds N] [--from S] [--seed S] [--world plain|busy|deletes]`: runs seeds on all cores, prints failures with their replay command and a summary; on SIGINT or SIGTERM of those that were run. */
const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    world: { type: "string", default: "plain" },
    "until-caught": { type: "boolean", default: false },
  },
});
const world = worldKinds.find((kind) => kind === values.world);
const numbers = [values.seeds, values.from, values.seed ?? "1"].map(Number);
if (world === undefined || numbers.some((value) => !Number.isInteger(value) || value < 0)) {
  console.error(
    `simulate: use --seeds <n>, --from <seed>, --seed <seed>, --world ${worldKinds.join("|")}`,
  );
  process.exit(2);
}
const kind: WorldKind = world;
const only = values.seed === undefined ? undefined : Number(values.seed);
const from = only ?? Number(values.from);
const count = only === undefined ? Number(values.seeds) : 1;
// A child: runs the seeds that it is sent, one at a time.
if (values["until-caught"]) {
  // In this process, and no further than the first failure: for planted mistakes.
  for (let seed = from; seed < from + count; seed += 1) {
    const { violation } = await simulate(seed, kind);
    if (violation === null) continue;
    console.log(`seed ${seed}: ${violation}`);
    process.exit(1);
  }
  console.log(`${count} seeds, 0 failed`);
  process.exit(0);
} else if (process.send !== undefined) {
  // A terminal interrupts the children, too: the parent ends them.
  process.on("SIGINT", () => {});
  process.on("message", async (seed: number) => {
    process.send?.(await simulate(seed, kind));
  });
} else {
  const startedMs = Date.now();
  let next = from;
  let done = 0;
  const stop = () => {
    next = from + count;
  };
  process.once("SIGINT", stop).once("SIGTERM", stop);
  let [failed, changes, events, requests, kills, hours] = [0, 0, 0, 0, 0, 0];
  let [deletes, falseDeletes, missedDeletes] = [0, 0, 0];
  const take = (result: SimulationResult) => {
    done += 1;
    changes += result.changes;
    events += result.events;
    requests += result.requests;
    kills += result.kills;
    hours += result.virtualHours;
    deletes += result.deletes;
    falseDeletes += result.falseDeletes;
    missedDeletes += result.missedDeletes;
    if (only !== undefined) console.log(JSON.stringify(result));
    if (result.violation === null) return;
    failed += 1;
    const { seed, violation } = result;
    console.log(
      `seed ${seed}: ${violation}\n  replay: npm run simulate -- --seed ${seed}${kind === "plain" ? "" : ` --world ${kind}`}`,
    );
  };
  const worker = () =>
    new Promise<void>((resolve) => {
      const child = fork(fileURLToPath(import.meta.url), ["--world", kind]);
      let running: number | null = null;
      const give = () => {
        running = next < from + count ? next++ : null;
        if (running === null) child.disconnect();
        else child.send(running);
      };
      child.on("message", (result) => {
        take(result as SimulationResult);
        give();
      });
      child.on("exit", (code) => {
        if (running !== null) {
          failed += 1;
          console.log(`seed ${running}: the process ended with ${code}`);
        }
        resolve();
      });
      give();
    });
  // One more than cores: a world waits for its disk a sixth of its time.
  const workers = Math.min(count, availableParallelism() + 1);
  await Promise.all(Array.from({ length: workers }, worker));
  console.log(
    `${done} seeds, ${failed} failed · ${changes} changes, ${events} events, ${requests} requests, ${deletes} deletes (${falseDeletes} false, ${missedDeletes} missed), ${kills} kills, ${Math.round(hours)} hours of virtual time in ${Math.round((Date.now() - startedMs) / 1000)} s`,
  );
  process.exit(failed > 0 ? 1 : 0);
}
