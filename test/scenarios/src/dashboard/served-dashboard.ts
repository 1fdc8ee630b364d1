import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ChangeEvent,
  encodeJson,
  type LogWriter,
  recordOfEvent,
  silentLogger,
  type TaskState,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { openMetrics } from "@thulium-stream/metrics/main";
import { Lifetime, newId, Registry, readSettings, systemClock } from "@thulium-stream/runtime";
import { inventedDesk } from "./help-desk-events.ts";

/** The dashboard over an invented help desk, served by this process. */
export interface ServedDashboard {
  readonly url: string;
  /** Tells more events, as an extractor would. */
  tell(events: readonly ChangeEvent[]): Promise<void>;
  /** Tells how a task of the extractor stands. */
  tellTask(task: TaskState): Promise<void>;
  /** Commands that were given to the extractor. */
  commands(): Promise<number>;
  close(): Promise<void>;
}

/** Serves the metrics of an invented help desk on a free port; resolves when every event is counted. */
export async function serveDashboard(
  env: Readonly<Record<string, string>> = {},
): Promise<ServedDashboard> {
  const folder = mkdtempSync(join(tmpdir(), "dashboard-"));
  const life = new Lifetime(silentLogger);
  const settings = readSettings(
    {
      THULIUM_SYSTEM: "acme",
      STATE_DIR: join(folder, "state"),
      HTTP_PORT: "0",
      SLA_FIRST_RESPONSE: "1h",
      SLA_RESOLUTION: "8h",
      ...env,
    },
    { source: false },
  );
  const log = await openEmbeddedLog({
    folder: join(folder, "log"),
    clock: systemClock,
    logger: silentLogger,
    newId,
  });
  life.own("log", log, (closing) => closing.close());
  await log.ensureTopics(topics);
  const writer = await log.openWriter("desk");
  await append(writer, inventedDesk("acme", systemClock.now(), 60));
  const surroundings = {
    log,
    clock: systemClock,
    logger: silentLogger,
    registry: new Registry(),
    lake: async () => null,
  };
  const metrics = await openMetrics(settings, surroundings, life);
  await metrics.engine.catchUp(new AbortController().signal);
  const stop = new AbortController();
  const running = metrics.run(stop.signal);
  return {
    url: metrics.httpUrl,
    tell: (events) => append(writer, events),
    tellTask: async (task) => {
      const key = `acme:task:${task.task_id}`;
      await writer.append([{ topic: "extractor-state", key, value: encodeJson(task) }]);
    },
    commands: async () =>
      (await log.ends("commands")).reduce((sum, { end, earliest }) => sum + end - earliest, 0),
    async close() {
      stop.abort();
      await running.catch(() => {});
      await life[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function append(writer: LogWriter, events: readonly ChangeEvent[]): Promise<void> {
  await writer.append(events.map((event) => recordOfEvent(event, 1)));
}
