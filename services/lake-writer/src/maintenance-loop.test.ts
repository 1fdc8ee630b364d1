import { Failure, type Logger, silentLogger } from "@thulium-stream/contracts";
import { ManualClock } from "@thulium-stream/kit";
import { beforeEach, expect, it } from "vitest";
import { maintenanceLoop } from "./maintenance-loop.ts";

const hourMs = 3_600_000;
let clock: ManualClock;
let stop: AbortController;
let isOwner: boolean;
/** Runs of the steps, as `name@hours since the start`. */
let runs: string[];
let told: string[];

beforeEach(() => {
  clock = new ManualClock(0);
  stop = new AbortController();
  isOwner = true;
  runs = [];
  told = [];
});

const logger: Logger = {
  ...silentLogger,
  error: (fields, text) => void told.push(`${(fields as { what: string }).what}: ${text}`),
};

/** A loop that looks every hour; `compacting` is due each time, `expiring` once a day. */
function begin(fail: (what: string) => unknown = () => null): Promise<unknown> {
  const step = (what: string, everyMs: number) => ({
    ...{ what, everyMs },
    work: async () => {
      runs.push(`${what}@${Math.floor(clock.now() / hourMs)}`);
      const failure = fail(what);
      if (failure !== null) throw failure;
    },
  });
  const steps = [step("compacting", 0), step("expiring", 24 * hourMs)];
  const deps = { clock, logger, everyMs: hourMs, isOwner: () => isOwner };
  return maintenanceLoop(steps, deps, stop.signal).catch((error: unknown) => error);
}

const hours = async (count: number) => {
  for (let n = 0; n < count; n += 1) await clock.advance(hourMs);
};
const runsOf = (what: string) => runs.filter((run) => run.startsWith(what)).length;

it("does each step when it is due: one at every look, the other once a day, both an hour after the start", async () => {
  void begin();
  await clock.advance(hourMs - 1);
  expect(runs).toEqual([]);
  await clock.advance(1);
  expect(runs).toEqual(["compacting@1", "expiring@1"]);
  await hours(49);
  expect(runsOf("compacting")).toBe(50);
  expect(runs.filter((run) => run.startsWith("expiring"))).toEqual([
    "expiring@1",
    "expiring@25",
    "expiring@49",
  ]);
});

it.each([
  ["for good", new Failure("Rejected", "no"), 1],
  ["by a bug", new TypeError("undefined is no function"), 1],
  ["for a while", new Failure("Unavailable", "away"), 3],
])(
  "a step that fails %s keeps neither the others nor the loop from working, and is due again at the next look",
  async (_, failure, attempts) => {
    let isOver = false;
    void begin((what) => (what === "expiring" ? failure : null)).then(() => {
      isOver = true;
    });
    await hours(3);
    // Attempts of the last look may still wait for their turn.
    await clock.advance(hourMs / 2);
    expect(runsOf("compacting")).toBe(3);
    expect(runsOf("expiring")).toBe(3 * attempts);
    expect(told).toEqual(Array(3).fill("expiring: maintenance failed; the next run tries again"));
    expect(isOver).toBe(false);
  },
);

it("a failing first step lets the second one run, and one failure is made good by the next run", async () => {
  let failures = 1;
  void begin((what) =>
    what === "compacting" && failures-- > 0 ? new Failure("Invariant", "once") : null,
  );
  await hours(2);
  expect(runs).toEqual(["compacting@1", "expiring@1", "compacting@2"]);
  expect(told).toHaveLength(1);
});

it("does nothing while another process looks after the lake, and what is due as soon as this one does", async () => {
  isOwner = false;
  void begin();
  await hours(30);
  expect(runs).toEqual([]);
  isOwner = true;
  await hours(1);
  expect(runs).toEqual(["compacting@31", "expiring@31"]);
});

it("ends at the signal while it waits, between two attempts and in a step", async () => {
  const waiting = begin();
  stop.abort();
  expect(await waiting).toMatchObject({ code: "Cancelled" });

  stop = new AbortController();
  const trying = begin(() => new Failure("Unavailable", "away"));
  // Up to the first failure: its next attempt is at least a moment away.
  while (runs.length === 0) await clock.advance(hourMs);
  stop.abort();
  expect(await trying).toMatchObject({ code: "Cancelled" });

  stop = new AbortController();
  const working = begin(() => {
    stop.abort();
    return new Failure("Cancelled", "stopped");
  });
  await hours(1);
  expect(await working).toMatchObject({ code: "Cancelled" });
  expect(told).toEqual([]);
});
