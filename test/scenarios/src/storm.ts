import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { topics } from "@thulium-stream/contracts";
import { startKafka } from "@thulium-stream/infra/local";
import { openLogBeside } from "./log-checks.ts";
import { runStorm } from "./storm-run.ts";

/** `npm run storm [-- --minutes 2]`: a member joins or leaves every 3 s, 4 members on 6 partitions of a real broker. Exit code 1 on any fault. */
const { values } = parseArgs({ options: { minutes: { type: "string", default: "2" } } });
const kafka = await startKafka();
try {
  const prefix = `storm-${randomUUID().slice(0, 8)}.`;
  const openLog = async () => {
    const log = openLogBeside(`kafka://${kafka.brokers.join(",")}`, prefix);
    await (await log).ensureTopics(topics);
    return log;
  };
  const forMs = Number(values.minutes) * 60_000;
  const { events, changes, deliveries, repeats, faults } = await runStorm({
    openLog,
    ...{ everyMs: 3_000, forMs, members: 4, tickets: 60, eventsPerSecond: 250 },
  });
  console.log(
    `broker ${kafka.version ?? "given"}: ${events} events, ${changes} members came or went; ${deliveries} deliveries, ${repeats} repeats that say so, ${faults.length} faults`,
  );
  for (const fault of faults.slice(0, 20)) console.log(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  await kafka.stop();
}
process.exit();
