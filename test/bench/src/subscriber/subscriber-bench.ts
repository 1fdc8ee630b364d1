import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { type EventLog, silentLogger, topics } from "@thulium-stream/contracts";
import { openKafkaLog } from "@thulium-stream/event-log/kafka";
import { startKafka } from "@thulium-stream/infra/local";
import { newId, systemClock } from "@thulium-stream/runtime";
import { subscribe } from "@thulium-stream/subscriber";
import { referenceRecords } from "./reference-events.ts";

const events = 200_000;
const tickets = 5_000;
const runs = 3;
const child = fileURLToPath(new URL("./subscriber-child.js", import.meta.url));

/** Rate, latency and rest of a subscriber on a real broker that shares the cores. */
export async function subscriberBench(): Promise<string> {
  const kafka = await startKafka();
  try {
    const lines = [
      `broker ${kafka.version ?? "given"} (${kafka.from}) on the same cores`,
      await rate(kafka.brokers),
      await latency(kafka.brokers),
    ];
    return lines.join("\n");
  } finally {
    await kafka.stop();
  }
}

/** A log of its own on the broker. */
export async function openBenchLog(
  brokers: readonly string[],
  topicPrefix: string,
): Promise<EventLog> {
  const log = openKafkaLog({
    brokers,
    topicPrefix,
    clock: systemClock,
    logger: silentLogger,
    newId,
  });
  await log.ensureTopics(topics);
  return log;
}

async function rate(brokers: readonly string[]): Promise<string> {
  const prefix = `bench-${randomUUID().slice(0, 8)}.`;
  const log = await openBenchLog(brokers, prefix);
  const writer = await log.openWriter("bench");
  const startedMs = performance.now();
  let bytes = 0;
  for (let from = 0; from < events; from += 2_000) {
    const batch = referenceRecords(2_000, tickets, from);
    bytes += batch.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
    await writer.append(batch);
  }
  const published = (performance.now() - startedMs) / 1000;
  await log.close();
  const results = Array.from({ length: runs }, () => {
    // Each with a group of its own: everything again.
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [child, brokers.join(","), prefix, String(events), newId()],
      { encoding: "utf8" },
    );
    if (!stdout) throw new Error(stderr);
    return JSON.parse(stdout) as { seconds: number; cpuSeconds: number; peakRssBytes: number };
  });
  const rates = results.map(({ seconds }) => events / seconds).sort((a, b) => a - b);
  const rss = Math.max(...results.map(({ peakRssBytes }) => peakRssBytes)) / 2 ** 20;
  const cpu = results.map(({ cpuSeconds }) => (cpuSeconds / events) * 1e6).sort((a, b) => a - b);
  return [
    `${count(events)} events of ${Math.round(bytes / events)} bytes, published at ${count(events / published)}/s (made and published by one process)`,
    `read, validated and dispatched: ${count(rates[1])}/s (${count(rates[0])} – ${count(rates[2])}), ${cpu[1]?.toFixed(1)} µs of CPU an event, peak RSS ${Math.round(rss)} MiB`,
  ].join("\n");
}

/** From the call of `append`, ten events each, ten times a second, to the handler. */
async function latency(brokers: readonly string[]): Promise<string> {
  const log = await openBenchLog(brokers, `bench-${randomUUID().slice(0, 8)}.`);
  const sentMs = new Map<string, number>();
  const tookMs: number[] = [];
  const ending = new AbortController();
  let isReady = false;
  const reading = subscribe({
    log,
    group: "latency",
    signal: ending.signal,
    on: {
      "ticket.updated": ({ ticket_id, version }) => {
        const at = sentMs.get(`${ticket_id}/${version}`);
        if (at !== undefined) tookMs.push(performance.now() - at);
        isReady = true;
      },
    },
  });
  const writer = await log.openWriter("latency");
  for (let from = 0; !isReady; from += 1) {
    await writer.append(referenceRecords(1, 1, from));
    await systemClock.sleep(100);
  }
  const seconds = 30;
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  for (let turn = 0; turn < seconds * 10; turn += 1) {
    const batch = referenceRecords(10, tickets, 1_000_000 + turn * 10);
    const callMs = performance.now();
    for (let n = 0; n < 10; n += 1) {
      const at = 1_000_000 + turn * 10 + n;
      sentMs.set(`${at % tickets}/${1 + Math.floor(at / tickets)}`, callMs);
    }
    await writer.append(batch);
    await systemClock.sleep(startedMs + (turn + 1) * 100 - performance.now());
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  const busy = (user + system) / 10_000 / ((performance.now() - startedMs) / 1000);
  await systemClock.sleep(2_000);
  const idleBefore = process.cpuUsage();
  await systemClock.sleep(20_000);
  const idle = process.cpuUsage(idleBefore);
  ending.abort();
  await reading;
  await log.close();
  const sorted = tookMs.sort((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor(sorted.length * share)] ?? 0);
  return [
    `published → handler, 100 events/s for ${seconds} s: median ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(0.99999)} ms, ${sorted.length} of ${seconds * 100} seen; writer and subscriber together ${busy.toFixed(1)} % of a core`,
    `idle, writer and subscriber in one process: ${((idle.user + idle.system) / 10_000 / 20).toFixed(2)} % of a core`,
  ].join("\n");
}

function count(value: number | undefined): string {
  return Math.round(value ?? 0).toLocaleString("en");
}
