import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { type SimulationResult, simulate } from "./simulate.ts";

/** `npm run simulate -- [--seeds N] [--from S] [--seed S]`: runs seeds on all cores, prints failures with their replay command and a summary. */
const options = new Map<string, number>();
for (let at = 2; at < process.argv.length; at += 2)
  options.set(process.argv[at] ?? "", Number(process.argv[at + 1]));
const known = ["--seeds", "--from", "--seed", "--until-caught"];
for (const [name, value] of options)
  if (!known.includes(name) || !Number.isInteger(value)) {
    console.error(`simulate: ${name} ${value}: use --seeds <n>, --from <seed> or --seed <seed>`);
    process.exit(2);
  }
/** In this process, and no further than the first failure: for planted mistakes. */
const untilCaught = options.has("--until-caught");
const only = options.get("--seed");
const from = only ?? options.get("--from") ?? 1;
const count = only === undefined ? (options.get("--seeds") ?? 100) : 1;

// A child: runs the seeds that it is sent, one at a time.
if (untilCaught) {
  for (let seed = from; seed < from + count; seed += 1) {
    const { violation } = await simulate(seed);
    if (violation === null) continue;
    console.log(`seed ${seed}: ${violation}`);
    process.exit(1);
  }
  console.log(`${count} seeds, 0 failed`);
  process.exit(0);
} else if (process.send !== undefined) {
  process.on("message", async (seed: number) => {
    process.send?.(await simulate(seed));
  });
} else {
  const startedMs = Date.now();
  let next = from;
  let [failed, changes, events, requests, kills, hours] = [0, 0, 0, 0, 0, 0];
  const take = (result: SimulationResult) => {
    changes += result.changes;
    events += result.events;
    requests += result.requests;
    kills += result.kills;
    hours += result.virtualHours;
    if (only !== undefined) console.log(JSON.stringify(result));
    if (result.violation === null) return;
    failed += 1;
    const { seed, violation } = result;
    console.log(`seed ${seed}: ${violation}\n  replay: npm run simulate -- --seed ${seed}`);
  };
  const worker = () =>
    new Promise<void>((resolve) => {
      const child = fork(fileURLToPath(import.meta.url));
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
  await Promise.all(Array.from({ length: Math.min(count, availableParallelism()) }, worker));
  console.log(
    `${count} seeds, ${failed} failed · ${changes} changes, ${events} events, ${requests} requests, ${kills} kills, ${Math.round(hours)} hours of virtual time in ${Math.round((Date.now() - startedMs) / 1000)} s`,
  );
  process.exit(failed > 0 ? 1 : 0);
}
