import { expect, it } from "vitest";
import { statusLines } from "./show-status.ts";

const nowMs = Date.parse("2026-11-24T10:00:00.000Z");
const checkpoint = {
  system: "acme",
  append: 7,
  sealed: "2026-11-24T09:57:00.000Z",
  backfill_done_at: "2026-11-23T09:00:00.000Z",
  agreed_as_of: "2026-11-24T00:00:00.000Z",
  commands_position: 0,
  observed_at: "2026-11-24T09:59:00.000Z",
};
const heartbeat = {
  system: "acme",
  at: "2026-11-24T09:59:55.000Z",
  instance: "desk-1",
  is_running: true,
  last_sweep_at: null,
  waiting_until: "2026-11-24T10:20:00.000Z",
  requests: 1200,
  request_rate: 4.86,
  found_limit: 4.85,
  tickets_held: 20_000,
  clock_skew_ms: 0,
  recent_and_open_read_at: "2026-11-24T09:30:00.000Z",
  recent_and_open_every_s: 3600,
  all_every_s: 86_400,
  erased_dropped: 0,
};

it("tells waiting for the limit from a fault, how old what is held may be, and who is silent", () => {
  const running = statusLines("acme", checkpoint, heartbeat, nowMs).join("\n");
  expect(running).toContain("waiting for the source's limit until 2026-11-24T10:20:00.000Z");
  expect(running).toContain("agreed as of 2026-11-24T00:00:00.000Z (10 h 0 min ago)");
  expect(running).toContain("recent and open tickets every 1 h 0 min (last 30 min ago)");
  expect(running).toContain("extractor: running on desk-1, 4.9 requests a second");
  const later = statusLines("acme", checkpoint, heartbeat, nowMs + 3_600_000).join("\n");
  expect(later).toContain("extractor: not running, last heard 1 h 0 min ago");
  expect(later).not.toContain("waiting");
  expect(statusLines("acme", null, null, nowMs)).toEqual(["acme: nothing extracted yet"]);
});
