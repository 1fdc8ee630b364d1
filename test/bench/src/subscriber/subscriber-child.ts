import { cpus } from "node:os";
import { openLog, subscribe } from "@thulium-stream/subscriber";

/** A subscriber in a process of its own: `<brokers> <prefix> <count> <group>`; prints how long `count` events took from the first, its CPU time and peak memory. */
const [brokers = "", topicPrefix = "", count = "0", group = "bench"] = process.argv.slice(2);
const log = await openLog(`kafka://${brokers}`, { topicPrefix });
const ending = new AbortController();
const wanted = Number(count);
let seen = 0;
let startedMs = 0;
let cpuAtStart = process.cpuUsage();
await subscribe({
  log,
  group,
  signal: ending.signal,
  on: {
    "ticket.updated": () => {
      if (seen === 0) {
        startedMs = performance.now();
        cpuAtStart = process.cpuUsage();
      }
      seen += 1;
      if (seen !== wanted) return;
      const seconds = (performance.now() - startedMs) / 1000;
      const { user, system } = process.cpuUsage(cpuAtStart);
      const peakRssBytes = process.resourceUsage().maxRSS * 1024;
      console.log(
        JSON.stringify({
          seconds,
          cpuSeconds: (user + system) / 1e6,
          peakRssBytes,
          cores: cpus().length,
        }),
      );
      ending.abort();
    },
  },
});
await log.close();
process.exit(0);
