import { createHash, type Hash } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger, topics } from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { Extractor, TicketIndex } from "@thulium-stream/extractor";
import { holding, seededRandom, VirtualClock } from "@thulium-stream/kit";
import { createSandbox } from "@thulium-stream/sandbox";
import { createThuliumSource, createWallClock } from "@thulium-stream/thulium-api";
import { CheckedLog, Violation } from "./checked-log.ts";
import { direct } from "./director.ts";
import { Ledger } from "./ledger.ts";
import { Wire } from "./wire.ts";
import { faultSwitches, planOf, type WorldKind, type WorldPlan } from "./world-plan.ts";

/** What a run came to. */
export interface SimulationResult {
  readonly seed: number;
  /** The invariant that did not hold; null = all held. */
  readonly violation: string | null;
  readonly changes: number;
  readonly events: number;
  readonly requests: number;
  readonly kills: number;
  readonly virtualHours: number;
  /** Tickets that were deleted at the source. */
  readonly deletes: number;
  readonly falseDeletes: number;
  readonly missedDeletes: number;
  /** Digest over every request and append with its time: two runs of a seed have the same one. */
  readonly trace: string;
}

const hourMs = 3_600_000;
/** A census leaves out what was created in the minutes before it, and in the repeated hour while that lasts. */
const censusLagMs = 3 * hourMs;
const system = "sim";
const closedStatuses = ["Zamknięte", "Połączone"];
/** Folders in memory where the machine has them: the runs are many, and power failures are no subject here. */
const scratch = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** One run of the whole extractor on a virtual clock against the sandbox in process, checked against the truth (E1–E6). The same seed gives the same run. */
export function simulate(seed: number, kind: WorldKind = "plain"): Promise<SimulationResult> {
  return simulateWorld(planOf(seed, kind));
}

/** One run of a world that is planned. */
export async function simulateWorld(plan: WorldPlan): Promise<SimulationResult> {
  const { seed } = plan;
  const folder = mkdtempSync(join(scratch, "simulation-"));
  const world = await openWorld(plan, folder);
  let violation: string | null = null;
  try {
    await live(world);
  } catch (error) {
    violation =
      error instanceof Violation
        ? error.message
        : `ended with ${error instanceof Error ? error.stack : String(error)}`;
  } finally {
    await world.log.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return {
    seed,
    violation,
    changes: world.sandbox.truth().changes,
    events: world.checked.events,
    requests: world.wire.requests,
    kills: world.killed,
    virtualHours: (world.clock.now() - world.plan.startMs) / hourMs,
    deletes: world.ledger.deleted,
    falseDeletes: world.checked.falseDeletes,
    missedDeletes: world.checked.missedDeletes,
    trace: world.trace.digest("hex"),
  };
}

interface World {
  readonly plan: WorldPlan;
  readonly folder: string;
  readonly clock: VirtualClock;
  readonly random: () => number;
  readonly sandbox: ReturnType<typeof createSandbox>;
  readonly log: Awaited<ReturnType<typeof openEmbeddedLog>>;
  readonly ledger: Ledger;
  readonly checked: CheckedLog;
  readonly wire: Wire;
  readonly trace: Hash;
  killed: number;
}

async function openWorld(plan: WorldPlan, folder: string): Promise<World> {
  const clock = new VirtualClock(plan.startMs);
  const random = seededRandom(plan.seed * 2);
  const sandbox = createSandbox({
    seed: String(plan.seed),
    startMs: plan.startMs + plan.skewMs,
    tickets: plan.tickets,
    historyDays: plan.historyDays,
    changesPerHour: plan.changesPerHour,
    switches: plan.switches,
  });
  const ledger = new Ledger(sandbox, createWallClock(plan.zone), clock);
  const log = await openEmbeddedLog({
    folder: join(folder, "log"),
    clock,
    logger: silentLogger,
    newId: idsOf(random),
  });
  await log.ensureTopics(topics);
  const trace = createHash("sha256");
  const note = (what: string) => trace.update(`${clock.now()} ${what}\n`);
  const checked = new CheckedLog(holding(log, clock), ledger, {
    note,
    delay: () => clock.sleep(random() * plan.appendMs),
  });
  checked.doubt = () =>
    random() < plan.doubtfulAppends ? (random() < 0.5 ? "before" : "after") : null;
  const wire = new Wire({ plan, sandbox, ledger, clock, random, note });
  return { plan, folder, clock, random, sandbox, log, ledger, checked, wire, trace, killed: 0 };
}

/** The run: the source lives, the extractor follows, dies and comes back; then the source stands still and both are compared. */
async function live(world: World): Promise<void> {
  const { plan, clock, random, sandbox, wire, checked } = world;
  const stop = new AbortController();
  const directing = direct(plan, sandbox, wire, clock, random, stop.signal);
  try {
    await follow(world);
  } finally {
    stop.abort();
    await directing;
  }
  wire.live();
  sandbox.freeze();
  sandbox.setSwitches(faultSwitches);
  const stillMs = sandbox.nowMs;
  const patienceMs = clock.now() + 12 * hourMs;
  // Hours may pass until the last hole is tried again: nothing is new meanwhile, and reading it every minute would only take time.
  const still = { ...plan, rereadEveryMs: Math.max(plan.rereadEveryMs, hourMs / 2) };
  await incarnation({ ...world, plan: still }, () => {
    if (clock.now() > patienceMs)
      throw new Violation(
        `E4: 12 hours after the source stands still, sealed is ${new Date(checked.sealedMs ?? 0).toISOString()} and ${checked.openHoles} holes are open`,
      );
    return (checked.sealedMs ?? 0) > stillMs && checked.openHoles === 0;
  });
  await clock.advance(censusLagMs);
  await catchUp(world);
  checked.checkEqual();
}

/** The extractor follows the living source, dies at its appends and comes back. */
async function follow(world: World): Promise<void> {
  const { plan, clock, random, checked } = world;
  const endMs = plan.startMs + plan.hours * hourMs;
  for (let kill = 0; kill < plan.kills; kill += 1) {
    checked.killAt = {
      appendsLeft: 1 + Math.floor(random() * 20),
      point: random() < 0.5 ? "before" : "after",
    };
    await incarnation(world, () => clock.now() >= endMs);
    await clock.advance(random() * plan.downtimeMs);
  }
  checked.killAt = null;
  await incarnation(world, () => clock.now() >= endMs);
}

/** One process from start until it is killed or `isDone`. */
async function incarnation(world: World, isDone: () => boolean): Promise<void> {
  const { clock, checked, wire } = world;
  const controller = new AbortController();
  let alive = true;
  checked.onKill = () => {
    alive = false;
    world.killed += 1;
    controller.abort();
  };
  const { extractor, index } = await open(world, () => alive);
  if (extractor === null) return index.close();
  let failed: unknown = null;
  const running = extractor.run(controller.signal).catch((error: unknown) => {
    failed = error;
    controller.abort();
  });
  // Looks once a virtual second whether it is time; the abort wakes it, too.
  while (alive && failed === null && wire.violation === null && !isDone()) {
    try {
      await clock.sleep(1000, controller.signal);
    } catch {
      break;
    }
  }
  controller.abort();
  await running;
  if (wire.violation !== null) throw wire.violation;
  if (failed !== null && alive) throw failed;
  await extractor.close();
}

async function catchUp(world: World): Promise<void> {
  const { extractor } = await open(world, () => true);
  if (extractor === null) throw new Violation("E5: the last start was killed");
  await extractor.catchUp(new AbortController().signal);
  await extractor.close();
}

async function open(world: World, isAlive: () => boolean) {
  const { plan, folder, clock, random, checked, wire } = world;
  const index = TicketIndex.open(join(folder, "index"), system, { closedStatuses });
  const source = createThuliumSource({
    url: "http://sandbox",
    system,
    user: "sandbox",
    password: "sandbox",
    zone: plan.zone,
    clock,
    logger: silentLogger,
    exchange: wire.exchangeOf(isAlive),
  });
  const deps = {
    source,
    log: checked.viewOf(isAlive),
    index: holding(index, clock, ["close"]),
    clock,
    logger: silentLogger,
    random,
    newId: idsOf(random),
  };
  const { pageSize, sliceTickets, parallelSlices, pollIntervalMs, settleDelayMs } = plan;
  const { requestsPerSecond, rereadEveryMs, rereadSchedule, censusSchedule } = plan;
  try {
    const extractor = await Extractor.open(deps, {
      system,
      zone: plan.zone,
      pageSize,
      sliceTickets,
      parallelSlices,
      pollIntervalMs,
      settleDelayMs,
      requestsPerSecond,
      rereadEveryMs,
      rereadSchedule,
      censusSchedule,
      closedStatuses,
    });
    return { extractor, index };
  } catch (error) {
    if (isAlive()) throw error;
    return { extractor: null, index };
  }
}

function idsOf(random: () => number): () => string {
  return () => `id-${Math.floor(random() * 2 ** 40).toString(36)}`;
}
