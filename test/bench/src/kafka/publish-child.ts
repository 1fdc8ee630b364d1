import { silentLogger, topics } from "@thulium-stream/contracts";
import { openEventLog } from "@thulium-stream/event-log/open";
import { newId, systemClock } from "@thulium-stream/runtime";
import { referenceEvents } from "./reference-events.ts";

/** Appends reference events in transactions for some seconds and prints how many: `node publish-child.js <log> <prefix> <batch> <ms>`. */
const [url = "", topicPrefix = "", batchText = "", msText = ""] = process.argv.slice(2);
const log = await openEventLog({
  url,
  topicPrefix,
  clock: systemClock,
  logger: silentLogger,
  newId,
});
await log.ensureTopics(topics);
const writer = await log.openWriter("bench");
const size = Number(batchText);
const batch = referenceEvents(size);
const bytes = batch.reduce((sum, { value }) => sum + (value?.byteLength ?? 0), 0) / size;
// Warm-up: the first transactions compile and connect.
for (let n = 0; n < 5; n += 1) await writer.append(batch);
const startedMs = systemClock.now();
const cpuBefore = process.cpuUsage();
let appends = 0;
while (systemClock.now() - startedMs < Number(msText)) {
  await writer.append(batch);
  appends += 1;
}
const seconds = (systemClock.now() - startedMs) / 1000;
const cpu = process.cpuUsage(cpuBefore);
console.log(
  JSON.stringify({
    eventsPerSecond: Math.round((appends * size) / seconds),
    appendsPerSecond: Number((appends / seconds).toFixed(1)),
    bytesPerEvent: Math.round(bytes),
    cpuMicrosPerEvent: Math.round((cpu.user + cpu.system) / (appends * size)),
    peakRssMib: Math.round(process.resourceUsage().maxRSS / 1024),
  }),
);
await log.close();
process.exit(0);
