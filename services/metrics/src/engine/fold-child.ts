import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { type Clock, Failure, silentLogger, topics } from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { openKafkaLog } from "@thulium-stream/event-log/kafka";
import { MetricsEngine } from "../metrics-engine.ts";
import { foldOptions } from "./fold-story.ts";

const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    setTimeout(Math.max(0, ms), undefined, signal === undefined ? {} : { signal }).catch(() => {
      throw new Failure("Cancelled", "sleep was cancelled");
    }),
};

/** A member of the metrics' group in a process of its own, to be killed while it folds: prints a line whenever figures have changed. Started by `fold-kills.int.test.ts`. */
async function main(place: string, topicPrefix: string, folder: string): Promise<void> {
  const common = { clock, logger: silentLogger, newId: randomUUID };
  const log = place.startsWith("/")
    ? await openEmbeddedLog({ folder: place, ...common })
    : openKafkaLog({ brokers: place.split(","), topicPrefix, ...common });
  await log.ensureTopics(topics);
  const engine = await MetricsEngine.open({ log, folder, ...common }, foldOptions);
  engine.onChange(() => process.stdout.write("changed\n"));
  await engine.run(new AbortController().signal);
}

const [place = "", topicPrefix = "", folder = ""] = process.argv.slice(2);
await main(place, topicPrefix, folder);
