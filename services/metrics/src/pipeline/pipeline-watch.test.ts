import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type EventLog,
  encodeJson,
  silentLogger,
  type TaskState,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { VirtualClock } from "@thulium-stream/kit";
import { batchesToEnd, openHttpServer, Registry } from "@thulium-stream/runtime";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { metricsRoutes } from "../http/metrics-routes.ts";
import type { MetricsView } from "../metrics-view.ts";
import { PipelineWatch } from "./pipeline-watch.ts";

const at = "2026-11-23T12:00:00.000Z";
const task: TaskState = {
  system: "acme",
  task_id: "backfill-x",
  request: {
    kind: "backfill",
    created_from: null,
    created_to: null,
    queue_ids: [],
    estimate_only: false,
  },
  state: "running",
  slices: 4,
  slices_done: 1,
  expected: 100,
  tickets: 30,
  requests_expected: 5,
  holes: 0,
  requested_at: at,
  started_at: at,
  ended_at: null,
  note: null,
};
const letter = (system: string, id: string, state: string) => ({
  topic: "dead-letters",
  key: id,
  value: encodeJson({ system, letter_id: id.padEnd(26, "x"), state }),
});
let folder: string;
let log: EventLog;
const clock = new VirtualClock(at);
const stop = () => new AbortController();

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "watch-"));
  log = await openEmbeddedLog({ folder, clock, logger: silentLogger, newId: () => "m" });
  await log.ensureTopics(topics);
  const writer = await log.openWriter("w");
  const topic = "extractor-state";
  await writer.append([
    { topic, key: "acme:task:backfill-x", value: encodeJson(task) },
    { topic, key: "acme:task:broken", value: encodeJson({ task_id: 1 }) },
    { topic, key: "other:task:foreign", value: encodeJson({ ...task, task_id: "foreign" }) },
    letter("acme", "a", "open"),
    letter("acme", "b", "open"),
    letter("acme", "b", "dropped"),
    letter("other", "c", "open"),
  ]);
  await writer.close();
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

const watchOf = (canCommand: boolean, lake = async () => null) =>
  new PipelineWatch(
    { log, clock, logger: silentLogger, lake },
    { system: "acme", sourceUrl: null, canCommand },
  );

it("tells what the extractor wrote down, of this system only, and passes over what it cannot read", async () => {
  const watch = watchOf(false);
  const end = stop();
  const running = watch.run(end.signal);
  await vi.waitFor(() => expect(watch.state.tasks.size).toBe(1), 60_000);
  await vi.waitFor(async () => expect((await watch.status()).dead_letters).toBe(1), 60_000);
  expect(await watch.status()).toMatchObject({
    extractor: null,
    tasks: [{ task_id: "backfill-x", kind: "backfill", state: "running", tickets: 30 }],
    holes: { count: 0 },
    dead_letters: 1,
    lake: null,
    can_command: false,
  });
  end.abort();
  await running;
});

it("is well when the lake cannot be read", async () => {
  const watch = watchOf(false, async () => {
    throw new Error("no bucket");
  });
  expect(await watch.status()).toMatchObject({ lake: null });
});

it("gives commands through the API only where a token guards them, and only to tasks there are", async () => {
  const watch = watchOf(true);
  const end = stop();
  const running = watch.run(end.signal);
  await vi.waitFor(() => expect(watch.state.tasks.size).toBe(1), 60_000);
  const view = { freshness: () => ({ as_of: at, lag_s: 0 }) } as unknown as MetricsView;
  const open = (pipeline: PipelineWatch, apiToken?: string) =>
    openHttpServer({
      host: "127.0.0.1",
      port: 0,
      apiToken,
      registry: new Registry(),
      logger: silentLogger,
      notReady: () => null,
      plugins: [metricsRoutes({ view, pipeline, zone: "Europe/Warsaw" })],
    });
  const guarded = await open(watch, "sesame");
  const bare = await open(watchOf(false));
  const post = async (url: string, path: string, token = "") => {
    const headers = { authorization: `Bearer ${token}` };
    const target = `${url}/api/v1/pipeline/tasks/${path}`;
    return (await fetch(target, { method: "POST", headers })).status;
  };
  expect(await post(bare.url, "backfill-x/pause")).toBe(403);
  expect(await post(guarded.url, "backfill-x/pause")).toBe(401);
  expect(await post(guarded.url, "foreign/pause", "sesame")).toBe(404);
  expect(await post(guarded.url, "backfill-x/cancel", "sesame")).toBe(400);
  expect(await post(guarded.url, "backfill-x/pause", "sesame")).toBe(200);
  const told: unknown[] = [];
  for await (const { records } of batchesToEnd(log, "commands"))
    for (const { value } of records)
      told.push(JSON.parse(new TextDecoder().decode(value ?? undefined)));
  expect(told).toEqual([
    { command: "pause", system: "acme", task_id: "backfill-x", requested_at: expect.any(String) },
  ]);
  await Promise.all([guarded.close(), bare.close()]);
  end.abort();
  await running;
});
