import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { Failure, silentLogger } from "@thulium-stream/contracts";
import { openKafkaLog } from "./kafka-log.ts";

/**
 * A writer in a process of its own, to be killed: re-opens, reads from the log how far it got, and goes on
 * counting, one batch per number across three topics, until it dies. Prints each number once its append has
 * resolved. Started by `kafka-writer.int.test.ts` with brokers and topic prefix.
 */
async function main(brokers: string, topicPrefix: string): Promise<never> {
  const log = openKafkaLog({
    brokers: brokers.split(","),
    topicPrefix,
    logger: silentLogger,
    newId: randomUUID,
    clock: {
      now: () => Date.now(),
      sleep: (ms, signal) =>
        setTimeout(Math.max(0, ms), undefined, signal === undefined ? {} : { signal }).catch(() => {
          throw new Failure("Cancelled", "sleep was cancelled");
        }),
    },
  });
  const writer = await log.openWriter("writer");
  let last = 0;
  const end = (await log.ends("extractor-state"))[0]?.end ?? 0;
  const reader = await log.openReader({ topics: ["extractor-state"], startAt: "earliest" });
  for (let at = 0; at < end; ) {
    const delivery = await reader.next({ timeoutMs: 30_000 });
    if (delivery.kind === "idle") throw new Error(`the log could not be read up to ${end}`);
    if (delivery.kind !== "batch") continue;
    at = delivery.nextPosition;
    for (const { value } of delivery.records) last = Number(Buffer.from(value ?? "").toString());
  }
  await reader.close();
  for (let number = last + 1; ; number += 1) {
    const value = Buffer.from(String(number));
    const padding = { padding: "x".repeat(500) };
    await writer.append([
      ...Array.from({ length: 60 }, (_, n) => ({
        topic: "ticket-events",
        key: `${number}:${n}`,
        value,
        headers: padding,
      })),
      { topic: "tickets", key: "ticket", value, headers: padding },
      // Too much for one send: the checkpoint goes with the last of ten, so most kills fall between them.
      ...Array.from({ length: 10 }, (_, part) => ({
        topic: "messages",
        key: `${number}:${part}`,
        partitionKey: "one",
        value: Buffer.alloc(300_000),
      })),
      { topic: "extractor-state", key: "checkpoint", value },
    ]);
    process.stdout.write(`${number}\n`);
  }
}

await main(process.argv[2] ?? "", process.argv[3] ?? "");
