import { Registry } from "prom-client";
import { expect, it } from "vitest";
import { addReading } from "./readings.ts";

it("tells values as they are when they are asked for, and nothing where there is none", async () => {
  const registry = new Registry();
  let value: number | null = null;
  addReading(registry, { name: "a_total", type: "counter", help: "A", read: () => value });
  expect(await registry.metrics()).toBe("# HELP a_total A\n# TYPE a_total counter\n");
  value = 3;
  expect(await registry.metrics()).toContain("\na_total 3\n");
});

it("keeps hostile label values inside their quotes", async () => {
  const registry = new Registry();
  const labels = { queue: 'a"} 1\nevil 2\\' };
  addReading(registry, { name: "b", type: "gauge", help: "B", read: () => [{ labels, value: 1 }] });
  expect(await registry.metrics()).toContain('\nb{queue="a\\"} 1\\nevil 2\\\\"} 1\n');
});

it("counts every bucket of a histogram with those before it", async () => {
  const registry = new Registry();
  addReading(registry, {
    name: "c_seconds",
    type: "histogram",
    help: "C",
    bounds: [1, 60],
    read: () => [{ labels: { time: "calendar" }, counts: [2, 0, 5], sum: 900 }],
  });
  expect((await registry.metrics()).trim().split("\n").slice(2)).toEqual([
    'c_seconds_bucket{time="calendar",le="1"} 2',
    'c_seconds_bucket{time="calendar",le="60"} 2',
    'c_seconds_bucket{time="calendar",le="+Inf"} 7',
    'c_seconds_sum{time="calendar"} 900',
    'c_seconds_count{time="calendar"} 7',
  ]);
});

it("refuses a name twice", () => {
  const registry = new Registry();
  const reading = { name: "d", type: "gauge", help: "D", read: () => 1 } as const;
  addReading(registry, reading);
  expect(() => addReading(registry, reading)).toThrow("already been registered");
});
