import { decodeJson, type TicketState } from "@thulium-stream/contracts";
import { seededRandom, VirtualClock } from "@thulium-stream/kit";
import { batchesToEnd } from "@thulium-stream/runtime";
import { createSandbox, type Mutation } from "@thulium-stream/sandbox";
import { Desk, digest, digestOfRow, withExtractor } from "./desk.ts";

const startMs = Date.parse("2026-11-24T09:00:20.000Z");
const requestsPerSecond = 5;
const changesDuringScan = 270;
const deletesAmong = 50;

/** What a contender came to. */
interface Outcome {
  readonly name: string;
  /** What it holds at the end: a digest by ticket. */
  readonly held: ReadonlyMap<string, string>;
  readonly requests: number;
  /** Seconds of the desk's time until the first scan was over. */
  readonly scanS: number;
  readonly cpuS: number;
}

/** Both contenders on the same sandbox and the same changes; a table for `docs/benchmarks.md`. */
export async function sideBySide(tickets = 20_000): Promise<string> {
  const lines = [
    `| ${tickets} tickets, ${changesDuringScan} changes and ${deletesAmong} deletes while they are scanned, ties in another order each time | lost | stale | deleted, still held | requests | scan at ${requestsPerSecond}/s | CPU |`,
    "| --- | --- | --- | --- | --- | --- | --- |",
  ];
  for (const contend of [offsetPaging, ours]) {
    const clock = new VirtualClock(startMs);
    const sandbox = createSandbox({ tickets, startMs, changesPerHour: 0 });
    const desk = new Desk(sandbox, clock, 150);
    const cpu = process.cpuUsage();
    const outcome = await contend(desk, clock, () => sandbox.freeze());
    const { user, system: own } = process.cpuUsage(cpu);
    lines.push(lineOf({ ...outcome, cpuS: (user + own) / 1e6 }, desk.truth()));
  }
  return `${lines.join("\n")}\n\n${await quietScan(50_000)}`;
}

function lineOf(
  { name, held, requests, scanS, cpuS }: Outcome,
  truth: ReadonlyMap<string, string>,
): string {
  const lost = [...truth.keys()].filter((id) => !held.has(id)).length;
  const stale = [...truth].filter(
    ([id, content]) => held.has(id) && held.get(id) !== content,
  ).length;
  const ghosts = [...held.keys()].filter((id) => !truth.has(id)).length;
  const rate = Math.round(held.size / scanS);
  return `| ${name} | ${lost} | ${stale} | ${ghosts} | ${requests} | ${Math.round(scanS)} s, ${rate} tickets/s | ${cpuS.toFixed(1)} s |`;
}

/** The same changes for everybody, spread over the time that a scan of 200 pages takes. */
async function disturb(desk: Desk, clock: VirtualClock, forMs: number): Promise<void> {
  const random = seededRandom(7);
  const ids = [...desk.truth().keys()].map(Number);
  const pick = () => ids[Math.floor(random() * ids.length)] ?? 0;
  const all = changesDuringScan + deletesAmong;
  for (let made = 0; made < all; made += 1) {
    await clock.sleep(forMs / all);
    const ticketId = pick();
    const kinds: readonly Mutation[] = [
      { kind: "touch", ticketId },
      { kind: "reply", ticketId },
      { kind: "close", ticketId },
      { kind: "subject", ticketId, subject: `changed ${made}` },
      { kind: "mail", ticketId, body: `mail ${made}` },
    ];
    if (made % Math.ceil(all / deletesAmong) === 0) desk.change({ kind: "delete", ticketId });
    else desk.change(kinds[made % kinds.length] as Mutation);
  }
}

/** How long a scan of 20,000 tickets takes at this pace. */
const scanMs = 40_000;

/** As generic tools do it: offsets over `update_date`, then again from the largest stamp seen, inclusive, by id. */
async function offsetPaging(
  desk: Desk,
  clock: VirtualClock,
  freeze: () => void,
): Promise<Omit<Outcome, "cpuS">> {
  const held = new Map<string, string>();
  let cursor = "";
  const scan = async () => {
    const from = cursor === "" ? "" : `&date_from=${encodeURIComponent(cursor)}`;
    for (let offset = 0; ; offset += 100) {
      await clock.sleep(1000 / requestsPerSecond);
      const path = `/api/tickets?limit=100&offset=${offset}&order=update_date,create_date&include_custom_fields=true${from}`;
      const { result } = JSON.parse((await desk.get(path)).text) as {
        result: Record<string, unknown>[];
      };
      for (const row of result) {
        held.set(String(row["ticket_id"]), digestOfRow(row));
        const updated = String(row["updated_at"]).slice(0, 16);
        if (updated > cursor) cursor = updated;
      }
      if (result.length < 100) return;
    }
  };
  const disturbing = disturb(desk, clock, scanMs);
  await scan();
  const scanS = (clock.now() - startMs) / 1000;
  await disturbing;
  freeze();
  for (let poll = 0; poll < 3; poll += 1) {
    await clock.sleep(60_000);
    await scan();
  }
  return {
    name: "plain offset paging, then polls from the largest stamp",
    held,
    requests: desk.paths.length,
    scanS,
  };
}

/** The extractor as it runs: live sweeps, first listing, and the next complete listing by its schedule. */
function ours(desk: Desk, clock: VirtualClock, freeze: () => void): Promise<Omit<Outcome, "cpuS">> {
  const options = { requestsPerSecond, rereadSchedule: "*/10 * * * *", censusSchedule: "off" };
  return withExtractor(desk.source(), clock, options, async (extractor, log) => {
    const stop = new AbortController();
    const running = extractor.run(stop.signal);
    const disturbing = disturb(desk, clock, scanMs);
    const until = async (isDone: () => boolean) => {
      while (!isDone()) await clock.sleep(1000);
    };
    await until(() => extractor.status().backfillDoneAt !== null);
    const scanS = (clock.now() - startMs) / 1000;
    await disturbing;
    freeze();
    const stillMs = clock.now();
    await until(() => Date.parse(extractor.status().sealed ?? "") > stillMs);
    await until(() =>
      extractor
        .status()
        .tasks.some(({ task_id, state }) => task_id === "complete" && state === "done"),
    );
    stop.abort();
    await running;
    const held = new Map<string, string>();
    for await (const { records } of batchesToEnd(log, "tickets"))
      for (const record of records) {
        const id = record.key?.split(":")[1] ?? "";
        if (record.value === null) held.delete(id);
        else held.set(id, digestOfState(decodeJson(record) as TicketState));
      }
    const name = "thulium-stream, after its next complete listing";
    return { name, held, requests: desk.paths.length, scanS };
  });
}

function digestOfState({ content_hash, messages }: TicketState): string {
  return digest(
    content_hash,
    messages.map((one) => [one.message_id, one.content_hash, one.ratings]),
  );
}

/** E9: requests of the first listing of a source that stands still, against plain paging. */
async function quietScan(tickets: number): Promise<string> {
  const clock = new VirtualClock(startMs);
  // 2,000 tickets a day.
  const historyDays = tickets / 2000;
  const sandbox = createSandbox({ tickets, startMs, historyDays, standStill: true });
  const desk = new Desk(sandbox, clock);
  const { tickets: held } = await withExtractor(
    desk.source(),
    clock,
    { requestsPerSecond: 1000 },
    (extractor) => extractor.catchUp(new AbortController().signal),
  );
  const listing = desk.paths.filter((path) => path.includes("order=create_date"));
  const probes = listing.filter((path) => path.includes("limit=1&")).length;
  const plain = Math.floor(held / 100) + 1;
  const more = ((listing.length / plain - 1) * 100).toFixed(1);
  return `A scan of ${held} tickets at 2,000 a day that stand still: ${listing.length} requests, ${probes} of them to plan it; plain paging ${plain}: ${more} % more.`;
}
